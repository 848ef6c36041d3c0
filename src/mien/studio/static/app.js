/** The page: joins the parts and passes on what the server sends. */
import { ApiError, attempt, call } from './api.js';
import { Controls } from './controls.js';
import { byId, make, remember, remembered, say } from './dom.js';
import { Faces } from './faces.js';
import { Files } from './files.js';
import { FileFace } from './fileface.js';
import { Films } from './films.js';
import { Inputs } from './inputs.js';
import { LivePeople } from './livepeople.js';
import { Openers } from './openers.js';
import { Outputs } from './outputs.js';
import { Preview } from './preview.js';
import { Shortcuts } from './shortcuts.js';
import { LastingSocket } from './sockets.js';
import { Stage } from './stage.js';
import { Steps } from './steps.js';
import { chooseLanguage, currentLanguage, decimal, languages, t, translatePage } from './strings.js';
import { Views } from './views.js';
/** @typedef {import('./types').State} State @typedef {import('./types').Metrics} Metrics */

const REFUSED = 401;

class App {
  constructor() {
    this.isDown = false;
    this.preview = new Preview();
    this.faces = new Faces();
    this.people = new LivePeople(this.preview, (id, work) => this.faces.statingAdulthood(id, work));
    this.controls = new Controls();
    /** The number of the newest state, so that one that comes late undoes nothing. */
    this.newest = 0;
    this.views = new Views({ 'tab-check': () => void this.openCheck() });
    this.stage = new Stage({ useSmall: () => void this.inputs.useSmall(), isAlone: () => this.preview.isOwnView, hasTrouble: () => Boolean(this.inputs?.trouble) });
    this.inputs = new Inputs({
      answered: (revision) => (this.newest = Math.max(this.newest, revision)),
      changed: () => this.showEmpty(),
      taken: (error) => this.stage.alert('camera', error.message, error.remedy, [t('use_this_camera'), () => { this.stage.dismiss('camera'); this.inputs.useBrowser(); }]),
    });
    this.steps = new Steps(this.inputs, () => void this.faces.select('stand-in-1'));
    this.outputs = new Outputs();
    this.films = new Films(this.faces);
    this.files = new Files(this.films);
    this.fileFace = new FileFace(this.faces);
    /** Loaded when they are first unfolded. @type {import('./presets.js').Presets | undefined} */
    this.presets = undefined;
    byId('presets').addEventListener('toggle', () => void this.openPresets());
    this.openers = new Openers();
    /** @type {import('./callcheck.js').CallCheck | undefined} */
    this.check = undefined;
    /** @type {import('./verification.js').Verification | undefined} */
    this.verification = undefined;
    /** @type {Shortcuts} */
    this.shortcuts = new Shortcuts([
      { keys: ['escape'], shown: 'Esc', words: 'key_cover', isFixed: true, down: () => void this.cover(true) },
      { keys: ['x'], shown: 'X', words: 'key_uncover', down: () => void this.cover(!this.state?.covered) },
      { keys: ['o'], shown: 'O', words: 'key_start', down: () => void this.inputs.toggle() },
      { keys: ['l'], shown: 'L', words: 'key_panel', down: () => this.fold() },
      { keys: ['c'], shown: 'C', words: 'key_compare', down: () => this.preview.compare(true), up: () => this.preview.compare(false) },
      { keys: ['s'], shown: 'S', words: 'key_split', down: () => this.preview.toggleSplit() },
      { keys: ['w'], shown: 'W', words: 'classes_hint', down: () => this.preview.toggleClasses() },
      { keys: ['p'], shown: 'P', words: 'people_hint', down: () => this.people.toggle() },
      { keys: ['m'], shown: 'M', words: 'key_mirror', down: () => this.preview.toggleMirror() },
      { keys: ['f'], shown: 'F', words: 'key_fullscreen', down: () => this.preview.toggleFullscreen() },
      { keys: ['r'], shown: 'R', words: 'key_record', down: () => void this.outputs.toggleRecording() },
      { keys: ['v'], shown: 'V', words: 'verify', down: () => void this.verify() },
      { keys: [...'0123456789'], shown: '1 … 9, 0', words: 'key_face', down: (key) => this.faces.selectPlace(Number(key)) },
      { keys: ['?'], shown: '?', words: 'key_help', down: () => this.shortcuts.showHelp() },
    ]);
    this.wireButtons();
    this.wireTools();
    document.addEventListener('words', () => this.state && this.showState(this.state));
    // The page answers before the studio behind it does.
    this.steps.explain(t('opening'), '');
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
    byId('verify').addEventListener('click', () => void this.verify());
    byId('cover').addEventListener('click', () => void this.cover(!this.state?.covered));
    byId('fold').addEventListener('click', () => this.fold());
    byId('send').addEventListener('click', () => {
      this.fold(false);
      byId('outputs', HTMLDetailsElement).open = true;
      byId('outputs').querySelector('summary')?.focus();
      byId('outputs').scrollIntoView({ block: 'nearest' });
    });
    this.fold(Boolean(remembered('folded', false)));
  }

  /** Covers the whole picture for everybody, or takes that back. @param {boolean} on */
  async cover(on) {
    if (on !== this.state?.covered) await attempt(() => call('PUT', '/api/cover', { on }));
  }

  /** Folds the panel away, or unfolds it. @param {boolean} [on] */
  fold(on = !byId('view-live').classList.contains('folded')) {
    byId('view-live').classList.toggle('folded', on);
    byId('fold').setAttribute('aria-pressed', String(!on));
    remember('folded', on);
  }

  async openPresets() {
    const { Presets } = await import('./presets.js');
    this.presets ??= new Presets();
    if (this.state) this.presets.show(this.state);
  }

  /** Shows the check of a call, which is loaded when it is first opened. */
  async openCheck() {
    const { CallCheck } = await import('./callcheck.js');
    this.check ??= new CallCheck();
    this.check.open();
  }

  /** Opens the dialog that verifies files, which is loaded when it is first used. */
  async verify() {
    const { Verification } = await import('./verification.js');
    this.verification ??= new Verification();
    this.verification.open();
  }

  wireTools() {
    const language = byId('language', HTMLSelectElement);
    language.replaceChildren(...languages().map(([code, name]) => make('option', { value: code }, name)));
    language.value = currentLanguage();
    language.addEventListener('change', async () => {
      await chooseLanguage(language.value);
      this.inputs.translate();
      this.openers.translate();
      this.check?.translate();
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
    this.stage.hear();
    if (message.type === 'state' && this.isNews(message.state)) this.showState(message.state);
    if (message.type === 'metrics') this.showMetrics(message.metrics);
  }

  /** Tells whether a state is newer than what is known; the numbers of another run begin again. @param {State} state */
  isNews(state) {
    if (this.state && this.state.version !== state.version)
      this.stage.alert('version', t('updated', { version: state.version }), t('updated_text'), [t('reload'), () => location.reload()]);
    if (this.state?.run === state.run && state.revision < this.newest) return false;
    this.newest = state.revision;
    return true;
  }

  /** @param {State} state */
  showState(state) {
    this.state = state;
    byId('cover').setAttribute('aria-pressed', String(state.covered));
    say('cover', t(state.covered ? 'uncover' : 'cover_me'));
    this.stage.show(state);
    this.faces.show(state);
    this.people.show(state);
    this.controls.show(state);
    this.inputs.show(state);
    this.outputs.show(state);
    this.films.show(state);
    this.files.show(state);
    this.fileFace.show(state);
    this.presets?.show(state);
    this.openers.show(state);
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
    this.stage.showMetrics(metrics);
    this.openers.showMetrics(metrics);
    this.showEmpty();
  }

  /** Explains why there is nothing to see, when that is so. */
  showEmpty() {
    const { state, metrics } = this;
    if (!state) return;
    const shown = metrics?.shown ?? 'none';
    const isCrowded = Boolean(metrics?.crowded) && ['covered', 'veiled', 'held'].includes(shown), n = state.settings.faces;
    this.steps.show(state, metrics, this.people.isCast, this.stage.why);
    const words = isCrowded ? t('status_crowd', { n }) : t(`status_${shown}`);
    say('status', state.input.state !== 'live' ? t('status_none') : state.covered ? t('covered_asked') : words);
  }

  /** Finds out why the events stopped: a refused socket does not say, but a request does. */
  async down() {
    this.isDown = true;
    const answer = await call('GET', '/api/state').catch((error) => error);
    if (!this.isDown) return;
    const reason = answer instanceof ApiError && answer.status === REFUSED ? 'session_over' : 'no_connection';
    this.steps.explain(t(reason), t(`${reason}_remedy`));
    byId('figures').hidden = true;
    say('status', t(reason));
  }
}

/** Shows the picture alone, for window capture and browser sources: no text, no camera, never the picture before. */
function showPictureAlone() {
  const preview = new Preview({ isAlone: true });
  new Shortcuts([{ keys: ['f'], shown: 'F', words: 'key_fullscreen', down: () => preview.toggleFullscreen() }]);
}

const asked = new URLSearchParams(location.search);
const isClean = asked.has('clean') || asked.has('view');
document.body.classList.toggle('clean', isClean);
// The token has done its work; it has no business in the history or in a screenshot.
history.replaceState(null, '', isClean ? '/?clean' : '/');
translatePage();
if (isClean) showPictureAlone();
else new App();
