/** Outputs: recordings, streams, the virtual camera, and their sound. */
import { attempt, call } from './api.js';
import { byId, make, offer, reconcile } from './dom.js';
import { t } from './strings.js';
import { lineOf } from './troubles.js';
/** @typedef {import('./types').State} State @typedef {import('./types').Output} Output @typedef {import('./types').Devices} Devices @typedef {import('./types').Metrics} Metrics */

export class Outputs {
  constructor() {
    this.list = byId('output-list');
    byId('record').addEventListener('click', () => void this.toggleRecording());
    byId('stream-form').addEventListener('submit', (event) => {
      event.preventDefault();
      const field = byId('stream-url', HTMLInputElement);
      void attempt(async () => {
        await call('POST', '/api/outputs', { kind: 'stream', url: field.value });
        field.value = '';
      });
    });
    byId('virtual-camera-start').addEventListener('click', () => {
      const device = byId('virtual-camera', HTMLSelectElement).value;
      void attempt(() => call('POST', '/api/outputs', { kind: 'virtual-camera', ...(device && { device }) }));
    });
    byId('microphone').addEventListener('change', () => {
      const device = byId('microphone', HTMLSelectElement).value;
      void attempt(() => call('PUT', '/api/sound', { device: device || null }));
    });
  }

  /** @param {Devices} devices */
  showDevices(devices) {
    const hint = byId('virtual-camera-hint');
    hint.textContent = devices.virtual_cameras.length ? '' : t('no_virtual');
    offer(byId('virtual-camera', HTMLSelectElement), [['', t('any_camera')], ...devices.virtual_cameras.map(option)]);
    offer(byId('microphone', HTMLSelectElement), [['', t('no_sound')], ...devices.microphones.map(option)], this.state?.sound.device ?? '');
  }

  /** @param {State} state */
  show(state) {
    this.state = state;
    const recording = this.recording();
    const button = byId('record');
    button.setAttribute('aria-pressed', String(Boolean(recording)));
    button.textContent = t(recording ? 'stop_recording' : 'record');
    const sound = byId('sound-state');
    sound.textContent = ['lost', 'failed'].includes(state.sound.state) ? lineOf(state.sound) : '';
    if (document.activeElement?.id !== 'microphone') byId('microphone', HTMLSelectElement).value = state.sound.device ?? '';
    reconcile(this.list, state.outputs, (output) => output.id, (output) => this.build(output), (element, output) => this.update(element, output));
  }

  /** @param {Metrics} metrics */
  showDelay(metrics) {
    byId('sound-delay').textContent = metrics.sound_delay_ms === null ? '' : t('sound_delay', { ms: Math.round(metrics.sound_delay_ms) });
  }

  recording() {
    return this.state?.outputs.find((output) => output.kind === 'recording' && ['opening', 'live'].includes(output.state));
  }

  async toggleRecording() {
    const running = this.recording();
    if (running) await attempt(() => call('DELETE', `/api/outputs/${running.id}`));
    else await attempt(() => call('POST', '/api/outputs', { kind: 'recording', container: byId('record-format', HTMLSelectElement).value }));
  }

  /** @param {Output} output */
  build(output) {
    const stop = make('button', { type: 'button', className: 'stop', on: { click: () => void attempt(() => call('DELETE', `/api/outputs/${output.id}`)) } });
    const link = make('a', { className: 'button result', href: `/api/outputs/${output.id}/file`, download: '' }, t('download'));
    const receipt = make('a', { className: 'button receipt', href: `/api/outputs/${output.id}/receipt`, download: '' }, t('receipt'));
    return make('li', { 'data-output-id': output.id }, make('div', { className: 'top' }, make('b', { title: output.target }, output.target || t('virtual_camera')), link, receipt, stop), make('p', { className: 'state' }));
  }

  /** @param {HTMLElement} element @param {Output} output */
  update(element, output) {
    const running = ['opening', 'live', 'retrying'].includes(output.state) && !output.result;
    /** @type {HTMLElement} */ (element.querySelector('.result')).hidden = !output.result;
    /** @type {HTMLElement} */ (element.querySelector('.receipt')).hidden = !output.receipt;
    /** @type {HTMLElement} */ (element.querySelector('.stop')).textContent = t(running ? 'stop' : 'dismiss');
    const state = /** @type {HTMLElement} */ (element.querySelector('.state'));
    state.classList.toggle('bad', ['failed', 'retrying'].includes(output.state) || output.seal === 'unsigned');
    const said = lineOf(output);
    const seal = [output.recovered && t('recovered'), output.seal && t(`seal_${output.seal}`)].filter(Boolean).join(' · ');
    // Those of an earlier run were not counted; those of one that runs change all the time, and its seconds are beside the picture.
    const counted = output.frames && output.state !== 'live' ? [clock(output.seconds), ...(said || seal ? [] : [t('frames', { n: output.frames })])] : [];
    state.textContent = [t(`state_${output.state}`), ...counted, seal, said].filter(Boolean).join(' · ');
    element.dataset.state = output.state;
  }
}

/** @param {{ id: string, name: string }} device @returns {[string, string]} */
function option(device) {
  return [device.id, device.name];
}

/** @param {number} seconds as minutes and seconds */
function clock(seconds) {
  return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`;
}
