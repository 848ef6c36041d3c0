/** The page: puts the parts together and tells them what the server says. */
import { Controls } from './controls.js';
import { byId, make, remember, remembered } from './dom.js';
import { Faces } from './faces.js';
import { Files } from './files.js';
import { Inputs } from './inputs.js';
import { Outputs } from './outputs.js';
import { Presets } from './presets.js';
import { Preview } from './preview.js';
import { Shortcuts } from './shortcuts.js';
import { LastingSocket } from './sockets.js';
import { chooseLanguage, currentLanguage, languages, t, translatePage } from './strings.js';
/** @typedef {import('./types').State} State @typedef {import('./types').Metrics} Metrics */

const REFUSED = 4401;
const THEMES = ['', 'light', 'dark'];

class App {
  constructor() {
    this.isClean = new URLSearchParams(location.search).has('clean');
    document.body.classList.toggle('clean', this.isClean);
    // The token has done its work; it has no business in the history or in a screenshot.
    history.replaceState(null, '', this.isClean ? '/?clean' : '/');
    translatePage();
    this.preview = new Preview();
    this.faces = new Faces();
    this.controls = new Controls();
    this.inputs = new Inputs();
    this.outputs = new Outputs();
    this.files = new Files();
    this.presets = new Presets();
    this.shortcuts = new Shortcuts([
      { keys: ['c'], shown: 'C', words: 'key_compare', down: () => this.preview.compare(true), up: () => this.preview.compare(false) },
      { keys: ['s'], shown: 'S', words: 'key_split', down: () => this.preview.toggleSplit() },
      { keys: ['m'], shown: 'M', words: 'key_mirror', down: () => this.preview.toggleMirror() },
      { keys: ['f'], shown: 'F', words: 'key_fullscreen', down: () => this.preview.toggleFullscreen() },
      { keys: ['r'], shown: 'R', words: 'key_record', down: () => void this.outputs.toggleRecording() },
      { keys: [...'0123456789'], shown: '1 … 9, 0', words: 'key_face', down: (key) => this.faces.selectPlace(Number(key)) },
      { keys: ['?'], shown: '?', words: 'key_help', down: () => this.shortcuts.showHelp() },
    ]);
    this.wireButtons();
    this.wireTools();
    this.events = new LastingSocket('/ws/events', { message: (data) => this.told(JSON.parse(data)), down: (code) => this.down(code) });
    void this.refreshDevices();
    setInterval(() => void this.refreshDevices(), 10_000);
  }

  async refreshDevices() {
    if (document.hidden || this.isClean) return;
    await this.inputs.refresh();
    this.outputs.showDevices(this.inputs.devices);
  }

  wireButtons() {
    const compare = byId('compare');
    compare.addEventListener('pointerdown', () => this.preview.compare(true));
    for (const event of ['pointerup', 'pointerleave', 'pointercancel', 'blur']) compare.addEventListener(event, () => this.preview.compare(false));
    compare.addEventListener('keydown', (event) => event.key === 'Enter' && this.preview.compare(true));
    compare.addEventListener('keyup', () => this.preview.compare(false));
    byId('split').addEventListener('click', () => this.preview.toggleSplit());
    byId('mirror').addEventListener('click', () => this.preview.toggleMirror());
    byId('fullscreen').addEventListener('click', () => this.preview.toggleFullscreen());
    byId('help').addEventListener('click', () => this.shortcuts.showHelp());
  }

  wireTools() {
    const language = byId('language', HTMLSelectElement);
    language.replaceChildren(...languages().map(([code, name]) => make('option', { value: code }, name)));
    language.value = currentLanguage();
    language.addEventListener('change', () => {
      chooseLanguage(language.value);
      this.inputs.translate();
      if (!this.state) return;
      this.controls.build(this.state);
      byId('face-list').replaceChildren();
      byId('preset-list').replaceChildren();
      this.outputs.showDevices(this.inputs.devices);
      this.showState(this.state);
    });
    const paint = () => {
      const theme = String(remembered('theme', ''));
      if (theme) document.documentElement.dataset.theme = theme;
      else delete document.documentElement.dataset.theme;
    };
    byId('theme').addEventListener('click', () => {
      const next = THEMES[(THEMES.indexOf(String(remembered('theme', ''))) + 1) % THEMES.length];
      remember('theme', next);
      paint();
    });
    paint();
  }

  /** @param {{ type: string, state: State, metrics: Metrics }} message */
  told(message) {
    if (message.type === 'state') this.showState(message.state);
    if (message.type === 'metrics') this.showMetrics(message.metrics);
  }

  /** @param {State} state */
  showState(state) {
    this.state = state;
    this.faces.show(state);
    this.controls.show(state);
    this.inputs.show(state);
    this.outputs.show(state);
    this.files.show(state);
    this.presets.show(state);
    this.showEmpty();
  }

  /** @param {Metrics} metrics */
  showMetrics(metrics) {
    this.metrics = metrics;
    const { latency_ms: latency } = metrics;
    byId('meter').textContent = t('meter', {
      fps: metrics.fps.toFixed(1), median: latency.median?.toFixed(0), p95: latency.p95?.toFixed(0), dropped: metrics.dropped,
      screen: window.mien.latency.count ? window.mien.latency.median.toFixed(0) : '–', cpu: metrics.cpu_percent.toFixed(0), memory: metrics.memory_mb.toFixed(0),
    });
    byId('meter').title = Object.entries(metrics.stages_ms).map(([stage, ms]) => `${stage}: ${ms.toFixed(1)} ms`).join('\n');
    this.outputs.showDelay(metrics);
    this.showEmpty();
  }

  /** Says in words why there is nothing to see, when there is nothing to see. */
  showEmpty() {
    const { state, metrics } = this;
    if (!state) return;
    const shown = metrics?.shown ?? 'none';
    const say = (/** @type {string} */ title, /** @type {string} */ text) => {
      byId('empty').hidden = !title;
      byId('empty-title').textContent = title;
      byId('empty-text').textContent = text;
    };
    if (state.input.kind === 'none') say(t('choose_input'), t('choose_input_text'));
    else if (state.input.state === 'lost') say(t('lost'), [state.input.message, state.input.remedy].filter(Boolean).join(' – '));
    else if (state.input.state !== 'live') say(t('opening'), t('opening_text'));
    else if (!state.face && shown !== 'passed') say(t('choose_face'), t('choose_face_text'));
    else if (shown === 'veiled') say(t('covered_title'), t('covered_text'));
    else say('', '');
    const words = state.input.state === 'live' ? t(`status_${shown}`) : t('status_none');
    if (byId('status').textContent !== words) byId('status').textContent = words;
    byId('badge-live').hidden = !state.outputs.some((output) => output.state === 'live');
  }

  /** @param {number} code */
  down(code) {
    byId('empty').hidden = false;
    byId('empty-title').textContent = t(code === REFUSED ? 'session_over' : 'no_connection');
    byId('empty-text').textContent = t(code === REFUSED ? 'session_over_remedy' : 'no_connection_remedy');
    byId('status').textContent = byId('empty-title').textContent;
  }
}

new App();
