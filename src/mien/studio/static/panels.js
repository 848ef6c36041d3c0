/** Dialogs that are opened from the header: how to use the picture elsewhere, models, consents. */
import { make } from './dom.js';
import { t } from './strings.js';
/** @typedef {import('./types').State} State @typedef {import('./types').Metrics} Metrics */

/** A dialog with a title, a body that is filled whenever it opens, which `openers.js` opens. */
export class Panel {
  /** @param {string} id @param {string} title key of its words */
  constructor(id, title) {
    this.title = title;
    this.body = make('div', { className: 'panel-body' });
    this.heading = make('h2', { id: `${id}-title` });
    this.shut = make('button', { type: 'button', className: 'primary', on: { click: () => this.dialog.close() } });
    this.dialog = make('dialog', { id: `${id}-dialog`, className: 'broad', 'aria-labelledby': `${id}-title` }, this.heading, this.body, make('div', { className: 'ends' }, this.shut));
    document.body.append(this.dialog);
    this.translate();
  }

  translate() {
    this.heading.textContent = t(this.title);
    this.shut.textContent = t('close');
  }

  async open() {
    this.translate();
    if (!document.querySelector('dialog[open]')) this.dialog.showModal();
    await this.show();
  }

  /** Fills in the body. */
  async show() {}

  /** @param {State} state */
  showState(state) {
    this.state = state;
  }

  /** @param {Metrics} _metrics */
  showMetrics(_metrics) {}
}

/** A list with words for when it is empty. @param {HTMLElement[]} rows @param {string} empty */
export function listOf(rows, empty) {
  return rows.length ? make('ul', { className: 'rows' }, ...rows) : make('p', { className: 'note' }, empty);
}

/** Text with a button that copies it. @param {string} text */
export function copyable(text) {
  const button = make('button', { type: 'button', className: 'copy', on: { click: () => void copy() } }, t('copy'));
  const shown = make('code', { tabIndex: 0 }, text);
  async function copy() {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = t('copied');
    } catch {
      // No clipboard without a secure page: the text is selected instead.
      getSelection()?.selectAllChildren(shown);
    }
  }
  return make('div', { className: 'copyable' }, shown, button);
}
