/** Keyboard shortcuts, and their list in the help. */
import { byId, make } from './dom.js';
import { t } from './strings.js';

/** @typedef {{ keys: string[], shown: string, words: string, down: (key: string) => void, up?: () => void }} Shortcut */

export class Shortcuts {
  /** @param {Shortcut[]} shortcuts */
  constructor(shortcuts) {
    this.shortcuts = shortcuts;
    document.addEventListener('keydown', (event) => this.pressed(event));
    document.addEventListener('keyup', (event) => this.find(event.key)?.up?.());
    window.addEventListener('blur', () => shortcuts.forEach((each) => each.up?.()));
  }

  /** @param {string} key */
  find(key) {
    // Filling in by the browser makes key events without a key.
    return this.shortcuts.find((each) => each.keys.includes(key?.toLowerCase()));
  }

  /** @param {KeyboardEvent} event */
  pressed(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    const typing = target.matches('input:not([type="range"]):not([type="checkbox"]):not([type="radio"]), select, textarea');
    if (typing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
    const found = this.find(event.key);
    if (!found) return;
    event.preventDefault();
    if (!event.repeat) found.down(event.key);
  }

  showHelp() {
    byId('shortcut-list').replaceChildren(...this.shortcuts.flatMap((each) => [make('dt', {}, make('kbd', {}, each.shown)), make('dd', {}, t(each.words))]));
    byId('help-dialog', HTMLDialogElement).showModal();
  }
}
