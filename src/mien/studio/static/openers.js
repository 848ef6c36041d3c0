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
    byId('verify').before(...this.buttons.map(({ button }) => button));
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

  translate() {
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
