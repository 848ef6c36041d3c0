/** Buttons of the header whose dialogs are loaded when they are first opened. */
import { attempt } from './api.js';
import { byId, make } from './dom.js';
import { t } from './strings.js';
/** @typedef {import('./types').State} State @typedef {import('./types').Metrics} Metrics @typedef {import('./panels.js').Panel} Panel */

/** @type {[string, string, () => Promise<{ default: new () => Panel }>][]} */
const PANELS = [
  ['use-in', 'use_in', () => import('./usein.js')],
  ['models', 'models_title', () => import('./models.js')],
  ['consents', 'consents_title', () => import('./consents.js')],
];

export class Openers {
  constructor() {
    /** @type {Map<string, Panel>} */
    this.opened = new Map();
    this.buttons = PANELS.map(([id, words, load]) => ({ words, button: make('button', { id: `open-${id}`, type: 'button', className: 'quiet', on: { click: () => void attempt(() => this.open(id, load)) } }) }));
    const verify = byId('verify');
    this.list = make('div', { id: 'menu-list', className: 'menu-list' });
    // On a narrow screen one button shows the list; on a wide one the list stands in the header.
    this.menu = make('button', { id: 'menu', type: 'button', className: 'quiet menu', 'aria-controls': 'menu-list', on: { click: () => this.fold(this.list.classList.contains('shown')) } }, '☰');
    verify.before(this.menu, this.list);
    this.list.append(...this.buttons.map(({ button }) => button), verify);
    this.list.addEventListener('click', () => this.fold(true));
    document.addEventListener('pointerdown', (event) => {
      if (event.target instanceof Node && !this.list.contains(event.target) && event.target !== this.menu) this.fold(true);
    });
    this.list.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape' || !this.list.classList.contains('shown')) return;
      event.stopPropagation();
      this.fold(true);
      this.menu.focus();
    });
    this.fold(true);
    this.translate();
  }

  /** @param {string} id @param {() => Promise<{ default: new () => Panel }>} load */
  async open(id, load) {
    let panel = this.opened.get(id);
    if (!panel) {
      panel = new (await load()).default();
      this.opened.set(id, panel);
    }
    if (this.state) panel.showState(this.state);
    await panel.open();
  }

  /** @param {boolean} away */
  fold(away) {
    this.list.classList.toggle('shown', !away);
    this.menu.setAttribute('aria-expanded', String(!away));
  }

  translate() {
    this.menu.setAttribute('aria-label', t('menu'));
    this.menu.title = t('menu');
    for (const { words, button } of this.buttons) button.textContent = t(words);
  }

  /** @param {State} state */
  show(state) {
    this.state = state;
    for (const panel of this.opened.values()) panel.showState(state);
  }

  /** @param {Metrics} metrics */
  showMetrics(metrics) {
    for (const panel of this.opened.values()) panel.showMetrics(metrics);
  }
}
