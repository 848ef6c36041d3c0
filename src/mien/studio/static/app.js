/** The page: joins the parts and passes on what the server sends. */
import { ApiError, call } from './api.js';
import { Controls } from './controls.js';
import { byId, make, remember, remembered, say } from './dom.js';
import { Faces } from './faces.js';
import { Files } from './files.js';
import { Films } from './films.js';
import { Inputs, troubleOf } from './inputs.js';
import { LivePeople } from './livepeople.js';
import { Outputs } from './outputs.js';
import { Presets } from './presets.js';
import { Preview } from './preview.js';
import { Shortcuts } from './shortcuts.js';
import { LastingSocket } from './sockets.js';
import { chooseLanguage, currentLanguage, decimal, languages, t, translatePage } from './strings.js';
import { Verification } from './verification.js';
/** @typedef {import('./types').State} State @typedef {import('./types').Metrics} Metrics */

const REFUSED = 401;

class App {
  constructor() {
    this.isDown = false;
    this.preview = new Preview();
    this.faces = new Faces();
    this.people = new LivePeople(this.preview, (id, work) => this.faces.statingAdulthood(id, work));
    this.controls = new Controls();
    this.inputs = new Inputs();
    this.outputs = new Outputs();
    this.films = new Films(this.faces);
    this.files = new Files(this.films);
    this.presets = new Presets();
    this.verification = new Verification();
    this.shortcuts = new Shortcuts([
      { keys: ['c'], shown: 'C', words: 'key_compare', down: () => this.preview.compare(true), up: () => this.preview.compare(false) },
      { keys: ['s'], shown: 'S', words: 'key_split', down: () => this.preview.toggleSplit() },
      { keys: ['w'], shown: 'W', words: 'classes_hint', down: () => this.preview.toggleClasses() },
      { keys: ['p'], shown: 'P', words: 'people_hint', down: () => this.people.toggle() },
      { keys: ['m'], shown: 'M', words: 'key_mirror', down: () => this.preview.toggleMirror() },
      { keys: ['f'], shown: 'F', words: 'key_fullscreen', down: () => this.preview.toggleFullscreen() },
      { keys: ['r'], shown: 'R', words: 'key_record', down: () => void this.outputs.toggleRecording() },
      { keys: ['v'], shown: 'V', words: 'verify', down: () => this.verification.open() },
      { keys: [...'0123456789'], shown: '1 … 9, 0', words: 'key_face', down: (key) => this.faces.selectPlace(Number(key)) },
      { keys: ['?'], shown: '?', words: 'key_help', down: () => this.shortcuts.showHelp() },
    ]);
    this.wireButtons();
    this.wireTools();
    this.events = new LastingSocket('/ws/events', { message: (data) => this.told(JSON.parse(data)), down: () => void this.down() });
    void this.refreshDevices();
    setInterval(() => void this.refreshDevices(), 10_000);
  }

  async refreshDevices() {
    if (document.hidden || this.isDown) return;
    await this.inputs.refresh();
    this.outputs.showDevices(this.inputs.devices);
  }

  wireButtons() {
    const compare = byId('compare');
    compare.addEventListener('pointerdown', () => this.preview.compare(true));
    for (const event of ['pointerup', 'pointerleave', 'pointercancel', 'blur']) compare.addEventListener(event, () => this.preview.compare(false));
    compare.addEventListener('keydown', (event) => ['Enter', ' '].includes(event.key) && this.preview.compare(true));
    compare.addEventListener('keyup', () => this.preview.compare(false));
    byId('split').addEventListener('click', () => this.preview.toggleSplit());
    byId('classes').addEventListener('click', () => this.preview.toggleClasses());
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
      for (const list of ['output-list', 'job-list', 'film-list', 'people-list']) byId(list).replaceChildren();
      this.outputs.showDevices(this.inputs.devices);
      this.showState(this.state);
    });
    const paint = () => {
      const theme = String(remembered('theme', ''));
      if (theme) document.documentElement.dataset.theme = theme;
      else delete document.documentElement.dataset.theme;
    };
    byId('theme').addEventListener('click', () => {
      const usual = matchMedia('(prefers-color-scheme: light)').matches ? 'light' : 'dark';
      const next = (remembered('theme', '') || usual) === 'dark' ? 'light' : 'dark';
      // What the system wants anyway is not remembered: the page follows the system again.
      remember('theme', next === usual ? '' : next);
      paint();
    });
    paint();
  }

  /** @param {{ type: string, state: State, metrics: Metrics }} message */
  told(message) {
    this.isDown = false;
    if (message.type === 'state') this.showState(message.state);
    if (message.type === 'metrics') this.showMetrics(message.metrics);
  }

  /** @param {State} state */
  showState(state) {
    this.state = state;
    this.faces.show(state);
    this.people.show(state);
    this.controls.show(state);
    this.inputs.show(state);
    this.outputs.show(state);
    this.films.show(state);
    this.files.show(state);
    this.presets.show(state);
    for (const element of document.querySelectorAll('.terms')) element.textContent = t('terms', {}, state.terms);
    this.showEmpty();
  }

  /** @param {Metrics} metrics */
  showMetrics(metrics) {
    this.metrics = metrics;
    const { latency_ms: latency } = metrics;
    byId('meter').textContent = t('meter', {
      fps: decimal(metrics.fps, 1), median: latency.median?.toFixed(0), p95: latency.p95?.toFixed(0), dropped: metrics.dropped,
      screen: window.mien.latency.count ? window.mien.latency.median.toFixed(0) : '–', cpu: metrics.cpu_percent.toFixed(0), memory: metrics.memory_mb.toFixed(0),
    });
    byId('meter').title = Object.entries(metrics.stages_ms).map(([stage, ms]) => `${stage}: ${decimal(ms, 1)} ms`).join('\n');
    this.outputs.showDelay(metrics);
    this.showEmpty();
  }

  /** Explains why there is nothing to see, when that is so. */
  showEmpty() {
    const { state, metrics } = this;
    if (!state) return;
    const shown = metrics?.shown ?? 'none';
    const isCrowded = Boolean(metrics?.crowded) && ['covered', 'veiled', 'held'].includes(shown), n = state.settings.faces;
    if (state.input.kind === 'none') this.explain(t('choose_input'), t('choose_input_text'));
    else if (state.input.state === 'lost') this.explain(t('lost'), troubleOf(state.input));
    else if (state.input.state === 'failed') this.explain(t('failed'), troubleOf(state.input));
    else if (state.input.state !== 'live') this.explain(t('opening'), t('opening_text'));
    else if (shown === 'refused' || shown === 'unchecked') this.explain(t(`${shown}_title`), t(`${shown}_text`));
    else if (!state.face && !this.people.isCast && shown !== 'passed') this.explain(t('choose_face'), t('choose_face_text'));
    else if (shown === 'veiled') this.explain(t('covered_title'), isCrowded ? t('crowd_text', { n, faces: t('set_faces'), more: t('more') }) : t('covered_text'));
    else this.explain('', '');
    const words = isCrowded ? t('status_crowd', { n }) : t(`status_${shown}`);
    say('status', state.input.state === 'live' ? words : t('status_none'));
    byId('badge-live').hidden = !state.outputs.some((output) => output.state === 'live');
  }

  /** Shows a text over the preview; an empty one removes it. @param {string} title @param {string} text */
  explain(title, text) {
    byId('empty').hidden = !title;
    say('empty-title', title);
    say('empty-text', text);
  }

  /** Finds out why the events stopped: a refused socket does not say, but a request does. */
  async down() {
    this.isDown = true;
    const answer = await call('GET', '/api/state').catch((error) => error);
    if (!this.isDown) return;
    const reason = answer instanceof ApiError && answer.status === REFUSED ? 'session_over' : 'no_connection';
    this.explain(t(reason), t(`${reason}_remedy`));
    say('status', t(reason));
  }
}

/** Shows the picture alone, for window capture and browser sources: no text, no camera, never the picture before. */
function showPictureAlone() {
  const preview = new Preview({ isAlone: true });
  new Shortcuts([{ keys: ['f'], shown: 'F', words: 'key_fullscreen', down: () => preview.toggleFullscreen() }]);
}

const isClean = new URLSearchParams(location.search).has('clean');
document.body.classList.toggle('clean', isClean);
// The token has done its work; it has no business in the history or in a screenshot.
history.replaceState(null, '', isClean ? '/?clean' : '/');
translatePage();
if (isClean) showPictureAlone();
else new App();
