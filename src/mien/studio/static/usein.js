/** How to use the picture in other programs: steps and commands, the delay, a test picture, addresses and tokens. */
import { attempt, call } from './api.js';
import { when } from './dates.js';
import { make, remember, remembered } from './dom.js';
import { Panel, copyable, listOf } from './panels.js';
import { loadLater, t } from './strings.js';
/** @typedef {import('./types').Metrics} Metrics @typedef {import('./types').Token} Token */

await loadLater();

const SYSTEMS = ['linux', 'windows', 'macos'];
const PROGRAMS = ['obs', 'zoom', 'teams', 'meet', 'discord'];
/** @type {Record<string, string>} */
const NAMES = { linux: 'Linux', windows: 'Windows', macos: 'macOS', obs: 'OBS', zoom: 'Zoom', teams: 'Teams', meet: 'Google Meet', discord: 'Discord' };
const COMMANDS = ['sudo apt install v4l2loopback-dkms', 'sudo modprobe v4l2loopback devices=1 video_nr=10 exclusive_caps=1 card_label=mien', ".venv/bin/pip install '.[camera]'"];
const CAMERAS = { linux: 'mien', windows: 'OBS Virtual Camera', macos: 'OBS Virtual Camera' };
const CLOCK_MS = 30;

export default class UseIn extends Panel {
  constructor() {
    super('use-in', 'use_in');
    const usual = /mac/i.test(navigator.platform) ? 'macos' : /win/i.test(navigator.platform) ? 'windows' : 'linux';
    this.system = String(remembered('use-system', usual));
    this.program = String(remembered('use-program', 'zoom'));
    this.delay = make('p', { className: 'note', role: 'status' });
    this.clock = make('output', { className: 'wall-clock' });
    /** @type {{ token: string, address: string | null } | null} */
    this.made = null;
    this.dialog.addEventListener('close', () => { clearInterval(this.ticking); this.made = null; });
  }

  /** @param {Metrics} metrics */
  showMetrics(metrics) {
    this.delay.textContent = metrics.sound_delay_ms === null ? t('use_no_delay') : t('sound_delay', { ms: Math.round(metrics.sound_delay_ms) });
  }

  async show() {
    clearInterval(this.ticking);
    this.ticking = setInterval(() => this.tick(), CLOCK_MS);
    const tokens = this.state?.shared ? [] : await attempt(() => call('GET', '/api/tokens')) ?? [];
    if (!this.delay.textContent) this.delay.textContent = t('use_no_delay');
    this.body.replaceChildren(make('p', { className: 'hint' }, t('use_hint')),
      make('div', { className: 'inline wrap' }, this.choice('use_program', PROGRAMS, this.program, (value) => { this.program = value; remember('use-program', value); }),
        this.choice('use_system', SYSTEMS, this.system, (value) => { this.system = value; remember('use-system', value); })),
      this.steps(), make('p', { className: 'note' }, t('use_label')),
      make('h3', {}, t('use_delay')), this.delay,
      make('h3', {}, t('use_test')), this.test(),
      ...(this.state?.shared ? [] : [make('h3', {}, t('tokens_title')), ...this.tokens(tokens)]));
  }

  /** @param {string} label @param {string[]} values @param {string} chosen @param {(value: string) => void} choose */
  choice(label, values, chosen, choose) {
    const select = make('select', { on: { change: () => { choose(select.value); void this.show(); } } }, ...values.map((value) => make('option', { value }, NAMES[value] ?? value)));
    select.value = chosen;
    return make('label', { className: 'row' }, make('span', {}, t(label)), select);
  }

  steps() {
    const camera = /** @type {Record<string, string>} */ (CAMERAS)[this.system];
    const driver = this.system === 'linux' ? [make('li', {}, t('use_driver_linux'), ...COMMANDS.map(copyable))] : [make('li', {}, t('use_driver_obs'), ...(this.system === 'macos' ? [' ', t('use_driver_macos')] : []))];
    if (this.program === 'obs') return make('ol', {}, make('li', {}, t('use_obs_source')), make('li', {}, t('use_obs_sound')), make('li', {}, t('use_obs_window')));
    return make('ol', {}, ...driver, make('li', {}, t('use_send', { camera })), make('li', {}, t(`use_${this.program}`, { camera })), make('li', {}, t('use_restart')));
  }

  test() {
    const isOn = this.state?.input.kind === 'test';
    const choose = (/** @type {string} */ kind) => attempt(async () => { await call('PUT', '/api/input', { kind }); await this.show(); });
    const button = make('button', { type: 'button', on: { click: () => void choose(isOn ? 'none' : 'test') } }, t(isOn ? 'use_test_stop' : 'use_test_start'));
    return make('div', {}, make('p', { className: 'hint' }, t('use_test_hint')), make('div', { className: 'inline wrap' }, button, this.clock));
  }

  tick() {
    const now = new Date();
    this.clock.textContent = `${now.toTimeString().slice(0, 8)}.${String(Math.floor(now.getMilliseconds() / 10)).padStart(2, '0')}`;
  }

  /** @param {Token[]} tokens */
  tokens(tokens) {
    const add = (/** @type {string} */ scope, /** @type {string} */ name) => attempt(async () => { this.made = await call('POST', '/api/tokens', { name, scope }); await this.show(); });
    const rows = tokens.map((token) => make('li', {}, make('div', { className: 'top' }, make('b', {}, token.name),
      make('button', { type: 'button', 'aria-label': `${t('revoke')}: ${token.name}`, on: { click: () => void attempt(async () => { await call('DELETE', `/api/tokens/${token.id}`); await this.show(); }) } }, t('revoke'))),
      make('p', { className: 'state' }, `${t(`scope_${token.scope}`)} · ${when(token.made_at)}`)));
    return [make('p', { className: 'hint' }, t('tokens_hint')),
      make('div', { className: 'inline wrap' }, make('button', { type: 'button', on: { click: () => void add('view', 'OBS') } }, t('token_view')),
        make('button', { type: 'button', on: { click: () => void add('control', 'API') } }, t('token_control')), make('a', { href: '/docs', target: '_blank' }, t('api_docs'))),
      ...(this.made ? [make('p', { role: 'status' }, t('token_once')), copyable(this.made.address ?? this.made.token)] : []), listOf(rows, t('tokens_none'))];
  }
}
