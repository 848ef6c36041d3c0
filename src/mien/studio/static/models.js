/** The library of models: what is installed under which licence, downloads, imports. */
import { attempt, call, complain } from './api.js';
import { make } from './dom.js';
import { Panel, listOf } from './panels.js';
import { loadLater, t } from './strings.js';
import { lineOf } from './troubles.js';
/** @typedef {import('./types').Model} Model @typedef {import('./types').ModelList} ModelList */

await loadLater();

const LOOK_MS = 700;
const MODEL_FILE = /\.(onnx|dfm|pth|npy|bin)$/i;

export default class Models extends Panel {
  constructor() {
    super('models', 'models_title');
    this.showsAll = false;
    this.trusts = false;
    this.note = '';
    this.dialog.addEventListener('dragover', (event) => event.preventDefault());
    this.dialog.addEventListener('drop', (event) => {
      event.preventDefault();
      void this.dropped([...(event.dataTransfer?.items ?? [])]);
    });
  }

  async show() {
    /** @type {ModelList | undefined} */
    const found = await attempt(() => call('GET', '/api/models'));
    if (found) this.draw(found);
    if (found?.pulling && ['pulling', 'checking'].includes(found.pulling.doing)) setTimeout(() => this.dialog.open && void this.show(), LOOK_MS);
  }

  /** @param {ModelList} found */
  draw(found) {
    const rows = found.models.filter((row) => this.showsAll || row.state !== 'not installed');
    const all = make('label', {}, make('input', { type: 'checkbox', checked: this.showsAll, on: { change: () => { this.showsAll = !this.showsAll; this.draw(found); } } }), ` ${t('models_all')}`);
    const focused = document.activeElement?.getAttribute('data-model');
    this.body.replaceChildren(make('p', { className: 'hint' }, t('models_hint')), this.progress(found), ...(found.changes ? [this.importer()] : []),
      make('p', { className: 'note', role: 'status' }, this.note), all, listOf(rows.map((row) => this.row(row, found)), t('models_none')));
    if (focused) /** @type {HTMLElement | null} */ (this.body.querySelector(`[data-model="${focused}"]`))?.focus();
  }

  /** @param {ModelList} found */
  progress(found) {
    const { pulling } = found;
    if (!pulling) return '';
    const runs = ['pulling', 'checking'].includes(pulling.doing);
    const words = pulling.doing === 'failed' ? lineOf(pulling) : t(`model_${pulling.doing}`, { name: pulling.id });
    const bar = make('progress', { hidden: !runs, 'aria-label': pulling.id, ...(pulling.total ? { max: pulling.total, value: pulling.done } : {}) });
    const stop = make('button', { type: 'button', hidden: !runs, on: { click: () => void attempt(() => call('DELETE', '/api/models/pull')) } }, t('stop'));
    return make('div', {}, make('div', { className: 'inline' }, make('p', { className: pulling.doing === 'failed' ? 'note bad' : 'note', role: 'status' }, words), stop), bar);
  }

  importer() {
    const files = make('input', { id: 'model-files', className: 'visually-hidden', type: 'file', multiple: true, on: { change: () => void this.upload([...(files.files ?? [])]) } });
    const path = make('input', { type: 'text', autocomplete: 'off', spellcheck: false, required: true, 'aria-label': t('model_path'), placeholder: t('model_path') });
    const trust = make('input', { type: 'checkbox', checked: this.trusts, on: { change: () => (this.trusts = trust.checked) } });
    const form = make('form', { className: 'inline' }, path, make('button', {}, t('import')));
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.take(() => call('POST', '/api/models/import', { path: path.value.trim(), trust: this.trusts }));
    });
    return make('div', { className: 'drop' }, make('p', { className: 'hint' }, t('model_drop')),
      make('span', { className: 'pick-file' }, make('label', { className: 'button', htmlFor: 'model-files' }, t('choose_file')), files), form, make('label', {}, trust, ` ${t('model_trust')}`));
  }

  /** @param {Model} row @param {ModelList} found */
  row(row, found) {
    const size = row.bytes ? `${Math.max(1, Math.round(row.bytes / 1e6))} MB` : '';
    const acts = [];
    if (found.changes && row.state === 'not installed' && row.way === 'pull') acts.push(this.puller(row, found));
    if (found.changes && !row.bundled && ['installed', 'damaged'].includes(row.state)) acts.push(make('button', { type: 'button', 'data-model': row.id, 'aria-label': `${t('remove')}: ${row.id}`, on: { click: () => void this.take(() => call('DELETE', `/api/models/${row.id}`)) } }, t('remove')));
    const facts = [t(`model_state_${row.state.replace(' ', '_')}`), row.role, size, row.licence];
    const more = [row.missing.length && !row.bundled ? t('model_needs', { names: row.missing.join(', ') }) : '', row.credit].filter(Boolean).join(' · ');
    return make('li', {}, make('div', { className: 'top' }, make('b', { title: row.origin }, row.id), ...acts), make('p', { className: row.state === 'damaged' ? 'state bad' : 'state' }, facts.filter(Boolean).join(' · ')), make('p', { className: 'note' }, more));
  }

  /** A button that shows the licence first, and downloads when it is pressed again. @param {Model} row @param {ModelList} found */
  puller(row, found) {
    const busy = Boolean(found.pulling && ['pulling', 'checking'].includes(found.pulling.doing));
    const button = make('button', { type: 'button', disabled: busy, 'data-model': row.id, 'aria-label': `${t('download')}: ${row.id}` }, t('download'));
    button.addEventListener('click', () => {
      if (button.dataset.asked) return void attempt(async () => { await call('POST', `/api/models/${row.id}/pull`, { accept_licence: true }); await this.show(); });
      button.dataset.asked = 'yes';
      button.textContent = t('model_agree');
      button.setAttribute('aria-label', `${t('model_agree')}: ${row.licence}`);
      button.closest('li')?.append(make('p', { className: 'note', role: 'status' }, `${row.licence}: ${row.terms}`));
      return undefined;
    });
    return button;
  }

  /** @param {DataTransferItem[]} items files and folders */
  async dropped(items) {
    const entries = items.map((item) => item.webkitGetAsEntry?.() ?? null);
    const plain = items.map((item) => item.getAsFile());
    const found = await Promise.all(entries.map((entry, place) => (entry ? filesIn(entry) : Promise.resolve([plain[place]]))));
    await this.upload(found.flat().filter((file) => file instanceof File));
  }

  /** @param {File[]} files */
  async upload(files) {
    const models = files.filter((file) => MODEL_FILE.test(file.name));
    if (!models.length) return complain(new Error(t('model_no_files')));
    const form = new FormData();
    for (const file of models) form.append('files', file, file.name);
    form.append('trust', String(this.trusts));
    this.note = t('sending', { name: models.map((file) => file.name).join(', ') });
    await this.show();
    return this.take(() => call('POST', '/api/models/upload', form));
  }

  /** Changes the library and shows it again. @param {() => Promise<any>} work */
  async take(work) {
    const done = await attempt(work);
    this.note = done?.ids ? t('model_taken', { names: done.ids.join(', ') }) : '';
    await this.show();
  }
}

/** All files of a dropped entry. @param {FileSystemEntry} entry @returns {Promise<File[]>} */
async function filesIn(entry) {
  if (entry.isFile) return [await new Promise((done, fail) => /** @type {FileSystemFileEntry} */ (entry).file(done, fail))];
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  const files = [];
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((done, fail) => reader.readEntries(done, fail));
    if (!some.length) return files;
    for (const each of some) files.push(...await filesIn(each));
  }
}
