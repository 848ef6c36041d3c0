/** Keyboard shortcuts, and their list in the help. */
import { byId, make, remember, remembered } from './dom.js';
import { t } from './strings.js';

/** @typedef {{ keys: string[], shown: string, words: string, down: (key: string) => void, up?: () => void, isFixed?: boolean }} Shortcut `isFixed`: no character, it stays on when the others are switched off */

export class Shortcuts {
  /** @param {Shortcut[]} shortcuts */
  constructor(shortcuts) {
    this.shortcuts = shortcuts;
    const on = byId('keys-on', HTMLInputElement);
    on.checked = Boolean(remembered('keys', true));
    on.addEventListener('change', () => remember('keys', on.checked));
    this.on = on;
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
    const typing = event.key !== 'Escape' && target.matches('input:not([type="range"]):not([type="checkbox"]):not([type="radio"]), select, textarea');
    if (typing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
    const found = this.find(event.key);
    // A menu that is open takes Escape for itself.
    if (!found || (!found.isFixed && !this.on.checked) || (found.isFixed && document.querySelector(':popover-open:not(.toasts), :fullscreen'))) return;
    event.preventDefault();
    if (!event.repeat) found.down(event.key);
  }

  showHelp() {
    byId('shortcut-list').replaceChildren(...this.shortcuts.flatMap((each) => [make('dt', {}, make('kbd', {}, each.shown)), make('dd', {}, t(each.words))]));
    byId('help-dialog', HTMLDialogElement).showModal();
  }
}
