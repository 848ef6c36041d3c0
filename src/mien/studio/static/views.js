/** The views of the page as tabs: live, files, and those that other parts add. */
import { remember, remembered } from './dom.js';

export class Views {
  /** @param {Record<string, () => void>} opened told, by the id of its tab, when a view is shown */
  constructor(opened) {
    this.opened = opened;
    this.tabs = /** @type {HTMLElement[]} */ ([...document.querySelectorAll('[role="tablist"] > [role="tab"]')]);
    for (const tab of this.tabs) tab.addEventListener('click', () => this.show(tab));
    this.tabs[0]?.parentElement?.addEventListener('keydown', (event) => this.move(event));
    const last = this.tabs.find((tab) => tab.id === remembered('view', '', true));
    if (last) this.show(last);
  }

  /** Shows the view of a tab and hides the others. @param {HTMLElement} shown */
  show(shown) {
    for (const tab of this.tabs) {
      const isShown = tab === shown;
      tab.setAttribute('aria-selected', String(isShown));
      tab.tabIndex = isShown ? 0 : -1;
      const view = document.getElementById(tab.getAttribute('aria-controls') ?? '');
      if (view) view.hidden = !isShown;
    }
    remember('view', shown.id, true);
    this.opened[shown.id]?.();
  }

  /** Moves along the tabs with the arrow keys. @param {KeyboardEvent} event */
  move(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const place = this.tabs.findIndex((tab) => tab.getAttribute('aria-selected') === 'true');
    const next = this.tabs[(place + step + this.tabs.length) % this.tabs.length];
    if (!next) return;
    event.preventDefault();
    this.show(next);
    next.focus();
  }
}
