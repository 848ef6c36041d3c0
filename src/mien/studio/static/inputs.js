/** The input: its choice, its fields, and the browser's own camera. */
import { ApiError, attempt, call } from './api.js';
import { byId, make, remember, remembered } from './dom.js';
import { t } from './strings.js';
import { lineOf } from './troubles.js';
/** @typedef {import('./types').State} State @typedef {import('./types').Devices} Devices */

/** What is wrong with an input, in words of the page where it has some. @param {State['input']} input */
export function troubleOf(input) {
  const isSilent = input.kind === 'browser' && input.code === 'source-lost';
  return isSilent ? `${t('browser_silent')} – ${t('browser_silent_remedy')}` : lineOf(input);
}

const KINDS = ['camera', 'browser', 'file', 'screen', 'network', 'test'];
const SIZES = ['1280x720', '1920x1080', '640x480', '640x360', '3840x2160'];
const FORMATS = ['auto', 'mjpeg', 'yuyv'];
const RATES = [30, 60, 15];
const FLIP_MS = 500; // a person who presses a button has read it before

export class Inputs {
  /** @param {{ answered: (revision: number) => void, changed: () => void, taken: (error: ApiError) => void }} listeners told of the number of the server's answer, of a camera that comes or goes, and that another page has taken over */
  constructor(listeners) {
    this.listeners = listeners;
    /** Why this page's camera does not run, until the next try. @type {ApiError | null} */
    this.trouble = null;
    this.isBusy = false;
    this.kind = byId('input-kind', HTMLSelectElement);
    this.fields = byId('input-fields');
    /** @type {Devices} */
    this.devices = { cameras: [], microphones: [], screens: [], virtual_cameras: [] };
    /** @type {Record<string, any>} */
    this.last = remembered('inputs', {});
    /** Loaded when it is first started. @type {import('./browsercamera.js').BrowserCamera | undefined} */
    this.camera = undefined;
    this.isTouched = false;
    /** What the button says, whether this page asked for that, and when another one changed it. */
    this.button = { isStop: false, isOwn: true, flipped: -Infinity };
    this.kind.addEventListener('change', () => {
      this.isTouched = true;
      this.showFields();
      this.showButtons();
    });
    this.fields.addEventListener('change', () => {
      this.isTouched = true;
      this.showButtons();
    });
    this.kind.addEventListener('pointerdown', () => void this.refresh());
    byId('input-apply').addEventListener('click', () => void this.toggle());
    byId('input-switch').addEventListener('click', () => void this.apply());
  }

  get isRunning() {
    return Boolean(this.state) && this.state?.input.kind !== 'none';
  }

  /** Tells that Start would open something. */
  get isReady() {
    const kind = this.kind.value;
    return kind === 'camera' ? this.devices.cameras.length > 0 : ['browser', 'screen'].includes(kind) || Object.values(this.read()).some(Boolean);
  }

  /** Does what the button says: starts the chosen input, or stops the one that runs. What it said just before counts when another page changed it. */
  toggle() {
    const isFlipped = performance.now() - this.button.flipped < FLIP_MS;
    return this.isRunning !== isFlipped ? this.stop() : this.apply();
  }

  async stop() {
    this.button.isOwn = true;
    this.camera?.stop();
    remember('browser-camera', false, true);
    const answer = await attempt(() => call('PUT', '/api/input', { kind: 'none' }));
    if (answer) this.listeners.answered(answer.revision);
  }

  /** @param {string} kind */
  chooseKind(kind) {
    this.kind.value = kind;
    this.isTouched = true;
    this.showFields();
    this.showButtons();
    this.listeners.changed();
  }

  /** Sends the camera of this page, as the input that is chosen already. */
  useBrowser() {
    this.chooseKind('browser');
    void this.apply();
  }

  /** Opens the camera that runs once more, at the small size. */
  async useSmall() {
    const { kind, spec } = /** @type {State} */ (this.state).input;
    this.last[kind] = { ...this.last[kind], size: '640x480' };
    remember('inputs', this.last);
    await this.open({ ...spec, kind, width: 640, height: 480 });
    this.showFields();
  }

  /** Notes why the camera of this page ended; unless another page sends one now, the input is closed. @param {ApiError | null} error */
  async ended(error) {
    remember('browser-camera', false, true);
    if (!error) return;
    if (error.answer.code === 'taken') {
      this.listeners.taken(error);
      return;
    }
    this.trouble = error;
    this.listeners.changed();
    await attempt(() => call('PUT', '/api/input', { kind: 'none' }));
  }

  showButtons() {
    const button = byId('input-apply');
    if (this.button.isStop !== this.isRunning) this.button = { isStop: this.isRunning, isOwn: false, flipped: this.button.isOwn ? -Infinity : performance.now() };
    button.dataset.running = String(this.isRunning);
    const words = t(this.isRunning ? 'stop' : 'start');
    if (button.textContent !== words) button.textContent = words;
    byId('input-switch').hidden = !this.isRunning || !this.isTouched;
  }

  /** Requests the devices again: they come and go. */
  async refresh() {
    const found = await attempt(() => call('GET', '/api/devices'));
    if (!found) return;
    const changed = JSON.stringify(found) !== JSON.stringify(this.devices);
    this.devices = found;
    if (!this.isTouched && this.state) this.kind.value = this.usual(this.state);
    if (changed && !this.fields.contains(document.activeElement)) this.showFields();
  }

  /** @param {State} state */
  show(state) {
    const first = !this.state;
    this.state = state;
    if (first) {
      this.translate();
      this.kind.value = this.usual(state);
      this.showFields();
      // A reload of the page that sends its camera goes on sending it.
      if (state.input.kind === 'browser' && remembered('browser-camera', false, true)) void this.startCamera(state.input.spec);
    }
    if (state.input.kind !== 'browser' && this.camera?.isRunning) this.camera?.stop();
    const note = byId('input-state');
    note.classList.toggle('bad', ['lost', 'failed'].includes(state.input.state));
    if (!this.isUploading) note.textContent = this.words(state);
    if (!first && !this.isTouched && this.isRunning && this.kind.value !== state.input.kind) {
      this.kind.value = state.input.kind;
      this.showFields();
    }
    this.showButtons();
  }

  /** The preselected kind of input. @param {State} state @returns {string} */
  usual(state) {
    return state.input.kind !== 'none' ? state.input.kind : remembered('input-kind', this.devices.cameras.length ? 'camera' : 'browser');
  }

  /** @param {State} state */
  words(state) {
    const { kind, state: what, width, height } = state.input;
    if (kind === 'none') return '';
    if (what === 'live') return `${t('state_live')}: ${t(kind)}, ${width} × ${height}`;
    return troubleOf(state.input) || t(`state_${what}`);
  }

  /** Fills in the words again, after a change of the language. */
  translate() {
    const chosen = this.kind.value;
    this.kind.replaceChildren(...KINDS.map((kind) => make('option', { value: kind }, t(kind))));
    this.kind.value = chosen || 'browser';
    this.showFields();
    this.showButtons();
  }

  showFields() {
    const kind = this.kind.value;
    const last = this.last[kind] ?? {};
    const builders = /** @type {Record<string, () => HTMLElement[]>} */ ({
      camera: () => this.cameraFields(last),
      browser: () => [choice('size', t('resolution_rate'), SIZES.map((size) => [size, size.replace('x', ' × ')]), last.size)],
      file: () => this.fileFields(last),
      screen: () => this.screenFields(last),
      network: () => [text('url', t('url'), last.url ?? '', 'rtsp://…')],
    });
    this.fields.replaceChildren(...(builders[kind]?.() ?? []));
  }

  /** @param {any} last */
  cameraFields(last) {
    const { cameras } = this.devices;
    if (!cameras.length) return [make('p', { className: 'note' }, t('no_cameras'))];
    const device = choice('device', t('device'), cameras.map((camera) => [camera.id, camera.name]), last.device);
    const chosen = cameras.find((camera) => camera.id === value(device)) ?? cameras[0];
    const modes = chosen?.modes ?? [];
    const sizes = [...new Set(modes.map((mode) => `${mode.width}x${mode.height}`))];
    const size = choice('size', t('resolution_rate'), (sizes.length ? sizes : SIZES).map((each) => [each, each.replace('x', ' × ')]), last.size ?? '1280x720');
    const ofSize = modes.filter((mode) => `${mode.width}x${mode.height}` === value(size));
    const formats = FORMATS.filter((each) => each === 'auto' || !ofSize.length || ofSize.some((mode) => mode.pixel_format.toLowerCase() === each));
    const format = choice('pixel_format', t('pixel_format'), formats.map((each) => [each, t(`format_${each}`)]), last.pixel_format);
    const ofFormat = ofSize.filter((mode) => value(format) === 'auto' || mode.pixel_format.toLowerCase() === value(format));
    const rates = [...new Set(ofFormat.flatMap((mode) => mode.rates.map(Math.round)))].sort((a, b) => b - a);
    // What a camera can do depends on what is chosen before: the other fields follow.
    for (const field of [device, size, format]) field.addEventListener('change', () => this.again('camera', field));
    return [device, size, format, choice('rate', t('rate'), (rates.length ? rates : RATES).map((rate) => [String(rate), String(rate)]), last.rate ?? '30')];
  }

  /** Rebuilds the fields and preserves their values. @param {string} kind @param {HTMLElement} changed keeps the focus @param {object} [more] */
  again(kind, changed, more = {}) {
    const name = changed.querySelector('select')?.name;
    this.last[kind] = { ...this.read(), ...more };
    this.showFields();
    /** @type {HTMLElement | null} */ (this.fields.querySelector(`[name="${name}"]`))?.focus();
  }

  /** @param {any} last */
  fileFields(last) {
    const upload = make('input', { type: 'file', id: 'clip-file', className: 'visually-hidden', accept: 'image/*,video/*,.mkv,.heic,.heif,.hif,.avif' });
    upload.addEventListener('change', () => void this.uploadClip(upload.files?.[0]));
    const button = make('label', { className: 'button wide', htmlFor: 'clip-file' }, t('upload'));
    return this.state?.shared ? [upload, button] : [text('path', t('path'), last.path ?? '', '~/Videos/…'), upload, button];
  }

  /** @param {any} last */
  screenFields(last) {
    const { screens } = this.devices;
    const place = (/** @type {Devices['screens'][0] | undefined} */ screen) => ({
      left: 0, top: 0, width: Math.min(screen?.width ?? 1280, 1920), height: Math.min(screen?.height ?? 720, 1080),
    });
    const which = choice('screen', t('screen_number'), screens.map((each) => [each.id, each.name]), last.screen);
    which.addEventListener('change', () => this.again('screen', which, place(screens.find((each) => each.id === value(which)))));
    const usual = /** @type {Record<string, any>} */ ({ ...place(screens[0]), ...last });
    const sides = ['left', 'top', 'width', 'height'].map((name) => text(name, t(name), String(usual[name]), '', 'number'));
    const rate = choice('rate', t('rate'), RATES.map((each) => [String(each), String(each)]), last.rate ?? '30');
    return [screens.length ? which : make('p', { className: 'note' }, t('no_screens')), ...sides, rate];
  }

  /** @param {File | undefined} file */
  async uploadClip(file) {
    if (!file) return;
    const form = new FormData();
    form.append('clip', file, file.name);
    this.isUploading = true;
    byId('input-state').textContent = t('sending', { name: file.name });
    const clip = await attempt(() => call('POST', '/api/clips', form));
    this.isUploading = false;
    if (this.state) this.show(this.state);
    if (clip) await this.open({ kind: 'file', clip: clip.id });
  }

  /** @returns {Record<string, string>} what stands in the fields */
  read() {
    const values = /** @type {Record<string, string>} */ ({});
    for (const field of this.fields.querySelectorAll('[name]')) {
      const input = /** @type {HTMLInputElement} */ (field);
      values[input.name] = input.value;
    }
    return values;
  }

  async apply() {
    const kind = this.kind.value;
    const values = this.read();
    this.last[kind] = kind === 'network' ? {} : values;
    remember('inputs', this.last);
    remember('input-kind', kind);
    const [width, height] = (values.size ?? '1280x720').split('x').map(Number);
    const wanted = /** @type {Record<string, any>} */ ({ kind });
    if (kind === 'camera') Object.assign(wanted, { device: values.device, width, height, rate: Number(values.rate), pixel_format: values.pixel_format });
    if (kind === 'browser') Object.assign(wanted, { width, height });
    if (kind === 'file') wanted.path = values.path ?? '';
    if (kind === 'screen') for (const name of ['left', 'top', 'width', 'height']) wanted[name] = Number(values[name]);
    if (kind === 'screen') wanted.rate = Number(values.rate);
    if (kind === 'network') wanted.url = values.url;
    await this.open(wanted);
  }

  /** @param {Record<string, any>} wanted */
  async open(wanted) {
    if (this.isBusy) return;
    this.isBusy = this.button.isOwn = true;
    this.trouble = null;
    this.camera?.stop();
    remember('browser-camera', false, true);
    const answer = await attempt(() => call('PUT', '/api/input', wanted));
    this.isBusy = false;
    if (!answer) return;
    // Events that were sent before do not undo this.
    this.listeners.answered(answer.revision);
    this.isTouched = false;
    if (wanted.kind === 'browser') await this.startCamera(wanted);
    this.listeners.changed();
  }

  /** @param {Record<string, any>} wanted */
  async startCamera(wanted) {
    remember('browser-camera', true, true);
    const { BrowserCamera } = await import('./browsercamera.js');
    // It was stopped meanwhile.
    if (!remembered('browser-camera', false, true)) return;
    this.camera ??= new BrowserCamera((error) => void this.ended(error));
    await this.camera.start(wanted.width ?? 1280, wanted.height ?? 720);
  }
}

/** @param {string} name @param {string} label @param {string[][]} options @param {string} [chosen] */
function choice(name, label, options, chosen) {
  const select = make('select', { name }, ...options.map(([key, words]) => make('option', { value: key ?? '' }, words ?? '')));
  if (chosen && options.some(([key]) => key === String(chosen))) select.value = String(chosen);
  return make('label', { className: 'row' }, make('span', {}, label), select);
}

/** @param {string} name @param {string} label @param {string} content @param {string} placeholder @param {string} [type] */
function text(name, label, content, placeholder, type = 'text') {
  return make('label', { className: 'row' }, make('span', {}, label), make('input', { name, type, value: content, placeholder, autocomplete: 'off', spellcheck: false }));
}

/** @param {HTMLElement} field */
function value(field) {
  return field.querySelector('select')?.value ?? '';
}
