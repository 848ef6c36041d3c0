/** What is told on and around the picture: its state and reason, the steps of an empty stage, pace, alerts, a server that is silent. */
import { byId, make, reconcile, say } from './dom.js';
import { decimal, t } from './strings.js';
import { lineOf } from './troubles.js';
/** @typedef {import('./types').State} State @typedef {import('./types').Metrics} Metrics @typedef {import('./types').Output} Output */

const SILENT_MS = 2000; // figures come once a second
const SLOW_FPS = 12, SMOOTH_FPS = 15, SLOW_READINGS = 3, TOO_SLOW_FPS = 8;
/** Reasons for no picture at all, as the server names them. */
const NO_PICTURE = ['starting', 'first', 'silent'];
/** The most pixels that the remedy for a slow machine asks for. */
const SMALL = { width: 640, height: 480 };

export class Stage {
  /**
   * @param {{ useSmall: () => void, isAlone: () => boolean, hasTrouble: () => boolean }} acts `useSmall` opens the input at the small size; `isAlone` tells that the picture here is not that of the others, `hasTrouble` that the stage says why this page's camera does not run
   */
  constructor(acts) {
    this.acts = acts;
    this.heard = performance.now();
    this.isSilent = false;
    this.slowReadings = 0;
    /** When the seconds of the recording were read. */
    this.read = 0;
    /** Alerts that stay, by their key. @type {Map<string, HTMLElement>} */
    this.alerts = new Map();
    byId('slow-act').addEventListener('click', () => {
      byId('slow').hidden = true;
      this.slowReadings = 0;
      acts.useSmall();
    });
    setInterval(() => this.tick(), 500);
  }

  /** Notes that the server has said something. */
  hear() {
    this.heard = performance.now();
    if (this.isSilent) this.tick();
  }

  /** @param {State} state */
  show(state) {
    this.state = state;
    this.read = performance.now();
    this.paint();
  }

  /** @param {Metrics} metrics */
  showMetrics(metrics) {
    this.metrics = metrics;
    const isLive = this.state?.input.state === 'live';
    byId('figures').hidden = !isLive || metrics.shown === 'none';
    if (isLive) this.showPace(metrics);
    else this.slowReadings = 0;
    if (!isLive) byId('slow').hidden = true;
    this.paint();
  }

  /** @param {Metrics} metrics */
  showPace(metrics) {
    const { latency_ms: latency } = metrics;
    // Without a picture there is no pace; one in two seconds and less is the least that the server counts.
    const isPicture = metrics.shown !== 'none', fps = metrics.fps;
    const frames = fps < 1 ? '< 1' : decimal(fps, fps < 2 ? 1 : 0);
    if (!isPicture) this.slowReadings = 0;
    else if (fps < SLOW_FPS) this.slowReadings += 1;
    else if (fps > SMOOTH_FPS) this.slowReadings = 0;
    const isSlow = this.slowReadings >= SLOW_READINGS;
    const pace = byId('pace');
    pace.dataset.pace = isSlow ? 'slow' : 'smooth';
    say('pace', t(isSlow ? 'pace_slow' : 'pace_smooth', { fps: frames, ms: latency.median?.toFixed(0) }));
    const input = /** @type {State} */ (this.state).input;
    const canShrink = ['camera', 'browser'].includes(input.kind) && input.width * input.height > SMALL.width * SMALL.height;
    byId('slow').hidden = !isSlow;
    byId('slow-act').hidden = !canShrink;
    if (isSlow) say('slow-words', t(canShrink ? 'too_slow_use' : 'too_slow', { fps: frames }));
  }

  /** The state of the picture, and why. @returns {[string, string]} */
  stateOf() {
    const { state, metrics } = this;
    const shown = metrics?.shown ?? 'none';
    if (!state || state.input.kind === 'none' || this.acts.hasTrouble()) return ['', ''];
    if (state.covered) return ['covered', t('pill_covered', { why: t('why_asked') })];
    if (state.input.state !== 'live') return ['none', t(`state_${state.input.state}`)];
    if (shown === 'swapped') return ['worn', t('pill_worn')];
    if (shown === 'passed') return ['own', t('pill_own')];
    if (shown === 'clear') return ['none', t('pill_clear')];
    if (shown === 'refused' || shown === 'unchecked') return ['covered', t('pill_covered', { why: t('why_content') })];
    if (shown === 'none') return ['none', t(`why_${this.why}`)];
    if (metrics?.crowded) return ['covered', t('pill_covered', { why: t('why_crowd') })];
    return ['covered', t('pill_covered', { why: t(`why_${this.why}`) })];
  }

  /** Why a face is hidden, as a key. A face is confirmed by several frames in a row, which a slow machine does not have. */
  get why() {
    const { metrics } = this;
    // What is known of an input that has just become live may be from before.
    if (!metrics || metrics.shown === 'none') return NO_PICTURE.includes(metrics?.why ?? '') ? /** @type {Metrics} */ (metrics).why : 'first';
    const isSlow = this.slowReadings >= SLOW_READINGS && metrics.fps < TOO_SLOW_FPS;
    if (isSlow && ['hand', 'unseen'].includes(metrics.why)) return 'slow';
    return metrics.why || 'unseen';
  }

  paint() {
    const { state } = this;
    if (!state) return;
    const pill = byId('pill');
    const [kind, words] = this.isSilent ? ['stale', t('silent', { n: Math.round((performance.now() - this.heard) / 1000) })] : this.stateOf();
    pill.hidden = !words;
    pill.dataset.state = kind;
    say('pill', words);
    byId('frame').classList.toggle('stale', this.isSilent);
    const recording = state.outputs.find((output) => output.kind === 'recording' && ['opening', 'live'].includes(output.state));
    const seconds = recording?.state === 'live' ? recording.seconds + (performance.now() - this.read) / 1000 : 0;
    byId('pill-recording').hidden = !recording;
    if (recording) say('pill-recording', `${t('rec')} ${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`);
    byId('badge-live').hidden = !state.outputs.some((output) => output.kind !== 'recording' && output.state === 'live');
    const exactly = byId('exactly');
    exactly.hidden = state.input.state !== 'live' || this.isSilent;
    exactly.dataset.alone = String(this.acts.isAlone());
    say('exactly', t(this.acts.isAlone() ? 'only_you' : 'exactly'));
    this.showFailed(state.outputs);
  }

  /** Outputs that failed stay in sight beside their buttons, with what exists to download. @param {Output[]} outputs */
  showFailed(outputs) {
    reconcile(byId('output-alerts'), outputs.filter((output) => output.state === 'failed'), (output) => output.id,
      (output) => make('div', { className: 'alert', 'data-output-id': output.id }, make('p', {}, make('b', {}), ' ', make('span', {})),
        make('a', { className: 'button result', href: `/api/outputs/${output.id}/file`, download: '' }, t('download_kept')),
        make('button', { type: 'button', className: 'dismiss', on: { click: () => void fetch(`/api/outputs/${output.id}`, { method: 'DELETE' }) } }, t('dismiss'))),
      (element, output) => {
        /** @type {HTMLElement} */ (element.querySelector('b')).textContent = t(`failed_${output.kind}`, { name: output.target });
        /** @type {HTMLElement} */ (element.querySelector('span')).textContent = lineOf(output);
        /** @type {HTMLElement} */ (element.querySelector('.result')).hidden = !output.result;
      });
  }

  /** Tells, twice a second, whether the server still answers, and for how long it records. */
  tick() {
    // A hidden page gets its messages late, which says nothing about the server.
    this.isSilent = Boolean(this.state) && !document.hidden && performance.now() - this.heard > SILENT_MS;
    document.body.classList.toggle('silent', this.isSilent);
    for (const id of ['record', 'input-switch']) byId(id, HTMLButtonElement).disabled = this.isSilent || (id === 'record' && (this.state?.input.kind ?? 'none') === 'none');
    this.paint();
  }

  /** Shows an alert that stays until it is dismissed or taken away. @param {string} key @param {string} title @param {string} text @param {[string, () => void]} [act] */
  alert(key, title, text, act) {
    this.dismiss(key);
    const buttons = act ? [make('button', { type: 'button', on: { click: act[1] } }, act[0])] : [];
    const close = make('button', { type: 'button', on: { click: () => this.dismiss(key) } }, t('close'));
    const made = make('div', { className: 'alert', 'data-alert': key }, make('p', {}, make('b', {}, title), ' ', make('span', {}, text)), ...buttons, close);
    this.alerts.set(key, made);
    byId('alerts').append(made);
  }

  /** @param {string} key */
  dismiss(key) {
    this.alerts.get(key)?.remove();
    this.alerts.delete(key);
  }
}
