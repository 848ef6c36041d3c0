/** The dialog that looks into a file, with its receipt if it has one. */
import { ApiError, call } from './api.js';
import { byId, say } from './dom.js';
import { showFindings } from './findings.js';
import { loadLater, t } from './strings.js';
/** @typedef {import('./types').Report} Report */

await loadLater();

const RECEIPT = /\.c2pa$/i;

export class Verification {
  constructor() {
    this.dialog = byId('verify-dialog', HTMLDialogElement);
    /** @type {File | null} */
    this.file = null;
    /** @type {File | null} */
    this.receipt = null;
    /** @type {Report | null} */
    this.report = null;
    this.trouble = '';
    this.isBusy = false;
    for (const id of ['verify-file', 'verify-receipt']) {
      const input = byId(id, HTMLInputElement);
      input.addEventListener('change', () => {
        const files = [...(input.files ?? [])];
        input.value = '';
        void this.take(files, id === 'verify-receipt');
      });
    }
    const zone = byId('verify-drop');
    this.dialog.addEventListener('dragover', () => zone.classList.add('over'));
    for (const event of ['dragleave', 'drop']) this.dialog.addEventListener(event, () => zone.classList.remove('over'));
    this.dialog.addEventListener('drop', (event) => void this.take([...(event.dataTransfer?.files ?? [])]));
    document.addEventListener('paste', (event) => {
      if (this.dialog.open) void this.take([...(event.clipboardData?.files ?? [])]);
    });
  }

  open() {
    this.show();
    if (!document.querySelector('dialog[open]')) this.dialog.showModal();
  }

  /** A file, its receipt or both; a receipt that comes alone belongs to the file before it, or else to the next. @param {File[]} given @param {boolean} [areReceipts] */
  async take(given, areReceipts = false) {
    if (this.isBusy || !given.length) return;
    const isReceipt = (/** @type {File} */ each) => areReceipts || RECEIPT.test(each.name);
    const file = given.find((each) => !isReceipt(each));
    const receipt = given.find(isReceipt) ?? null;
    if (receipt || (file && this.file)) this.receipt = receipt;
    this.file = file ?? this.file;
    if (this.file) await this.look(this.file);
    else this.show();
  }

  /** @param {File} file */
  async look(file) {
    const form = new FormData();
    form.append('file', file, file.name);
    if (this.receipt) form.append('receipt', this.receipt, this.receipt.name);
    [this.isBusy, this.report, this.trouble] = [true, null, ''];
    this.show();
    try {
      this.report = await call('POST', '/api/verify', form);
    } catch (error) {
      const said = error instanceof ApiError ? [error.message, error.remedy].filter(Boolean).join(' – ') : String(error);
      this.trouble = said;
    }
    this.isBusy = false;
    this.show();
  }

  show() {
    const name = this.file?.name;
    for (const id of ['verify-file', 'verify-receipt']) byId(id, HTMLInputElement).disabled = this.isBusy;
    byId('verify-drop').classList.toggle('busy', this.isBusy);
    byId('verify-progress').hidden = !this.isBusy;
    say('verify-receipt-name', this.receipt?.name ?? '');
    say('verify-state', this.isBusy ? t('verifying', { name }) : this.report ? t('verified', { name }) : this.trouble);
    byId('verify-state').classList.toggle('bad', Boolean(this.trouble));
    showFindings(byId('verify-report'), this.report);
  }
}
