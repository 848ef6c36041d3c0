/** The check of a call, for its host alone: what to look at, three words, requests to read aloud, words, a list, the notes. */
import { attempt, call } from './api.js';
import { byId, make, offer, reconcile, say } from './dom.js';
import { currentLanguage, loadLater, t } from './strings.js';
import { lineOf } from './troubles.js';
/** @typedef {import('./types').CheckState} CheckState @typedef {import('./types').CheckAnswer} CheckAnswer @typedef {import('./types').Devices} Devices @typedef {import('./types').SharedPair} SharedPair */

await loadLater();

const POLL_MS = 1000;
/** A pair of words is good for a minute of the clock. */
const MINUTE_MS = 60_000;
const LIST = /** @type {const} */ (['call-back', 'question', 'second', 'slow']);
const RUNNING = ['opening', 'watching'];

export class CallCheck {
  constructor() {
    this.view = byId('view-check');
    /** @type {CheckState | null} */
    this.state = null;
    /** @type {Devices | null} */
    this.devices = null;
    this.isAsking = false;
    /** Lists that were sent, and those of them that the server has taken. */
    this.sent = this.taken = 0;
    /** The minute of the pairs that are shown. */
    this.minute = 0;
    /** Words that are being typed, by the name of the person. @type {Map<string, string>} */
    this.typed = new Map();
    this.build();
    setInterval(() => this.tick(), POLL_MS);
  }

  open() {
    void this.refresh(true);
    void this.showDevices();
    void this.showPairs();
  }

  tick() {
    void this.refresh();
    if (!this.view.hidden && !document.hidden && minuteNow() !== this.minute) void this.showPairs();
  }

  async translate() {
    await loadLater();
    this.build();
    this.open();
  }

  get isRunning() {
    return RUNNING.includes(this.state?.phase ?? '');
  }

  /** Builds the view in the language of the page; what was chosen and typed stays. */
  build() {
    this.words = currentLanguage();
    const before = /** @type {NodeListOf<HTMLInputElement | HTMLSelectElement>} */ (this.view.querySelectorAll('.fields input, .fields select'));
    this.view.replaceChildren(
      make('h2', {}, t('check_title')), make('p', { className: 'hint' }, t('check_preface')),
      make('div', { className: 'columns' }, make('section', {}, this.photoField(), this.fileField(), this.callField()), this.findings()),
      make('div', { className: 'columns' }, this.list(), this.pairs()),
      make('p', { className: 'hint' }, t('check_limits')),
    );
    for (const field of before) {
      const after = byId(field.id);
      if (after instanceof HTMLInputElement && field instanceof HTMLInputElement) [after.value, after.checked] = [field.value, field.checked];
      else if (field.id === 'check-kind') byId(field.id, HTMLSelectElement).value = field.value;
    }
    this.showKind([...before].find((field) => field.id === 'check-device')?.value);
    this.fillList();
  }

  fileField() {
    const file = make('input', { id: 'check-file', className: 'visually-hidden', type: 'file', accept: 'video/*,.mkv' });
    file.addEventListener('change', () => void this.watchFile(file));
    return make('div', { className: 'group' }, make('h3', {}, t('check_recording')),
      make('span', { className: 'pick-file' }, make('label', { className: 'button', htmlFor: 'check-file' }, t('choose_file')), file));
  }

  /** One photo to compare the next check with; it is sent with the statement that the person in it has agreed. */
  photoField() {
    const agreed = make('input', { id: 'check-photo-agreed', type: 'checkbox' });
    const file = make('input', { id: 'check-photo', className: 'visually-hidden', type: 'file', accept: 'image/*' });
    file.addEventListener('change', () => void this.choosePhoto(file, agreed));
    const drop = make('button', { id: 'check-photo-drop', type: 'button', hidden: true, on: { click: () => void this.act('DELETE', '/api/check/photo') } }, t('check_photo_drop'));
    return make('div', { className: 'group fields' }, make('h3', {}, t('check_photo')), make('p', { className: 'hint' }, t('check_photo_hint')),
      make('label', { className: 'row-of' }, agreed, ' ', make('span', {}, t('check_photo_agreed'))),
      make('div', { className: 'inline wrap' }, make('span', { className: 'pick-file' }, make('label', { className: 'button', htmlFor: 'check-photo' }, t('check_photo_choose')), file),
        make('span', { id: 'check-photo-name', role: 'status' }), drop));
  }

  callField() {
    const kind = make('select', { id: 'check-kind', on: { change: () => this.showKind() } }, ...['screen', 'window', 'camera', 'stream'].map((each) => make('option', { value: each }, t(`check_${each}`))));
    const row = (/** @type {string} */ words, /** @type {HTMLElement} */ field) => make('label', { className: 'row' }, make('span', {}, t(words)), field);
    const choice = (/** @type {string} */ id) => make('label', { className: 'row-of' }, make('input', { id, type: 'checkbox' }), ' ', make('span', {}, t(id.replaceAll('-', '_'))));
    const start = make('button', { id: 'check-start', type: 'button', className: 'primary', on: { click: () => void this.watchCall() } }, t('start'));
    const stop = make('button', { id: 'check-stop', type: 'button', on: { click: () => void this.act('DELETE', '/api/check') } }, t('stop'));
    return make('div', { className: 'group fields' }, make('h3', {}, t('check_call')), row('check_look_at', kind),
      row('device', make('select', { id: 'check-device' })), row('check_region', make('input', { id: 'check-region', type: 'text', autocomplete: 'off', placeholder: '240,80,827,465' })),
      row('check_title_of', make('input', { id: 'check-window', type: 'text', autocomplete: 'off', placeholder: 'Meet' })), make('datalist', { id: 'check-windows' }),
      row('check_address', make('input', { id: 'check-stream', type: 'text', autocomplete: 'off', spellcheck: false, placeholder: 'rtsp://…' })),
      choice('check-told'), choice('check-asks'), choice('check-keeps'), make('div', { className: 'inline' }, start, stop));
  }

  findings() {
    const said = ['mark', 'badge'].map((each) => make('div', { className: 'top' }, make('b', {}, t(`check_${each}`)), make('span', { id: `check-${each}` })));
    const act = (/** @type {string} */ id, /** @type {string} */ method, /** @type {string} */ path) =>
      make('button', { id, type: 'button', on: { click: () => void this.act(method, path) } }, t(id.replaceAll('-', '_')));
    return make('section', {}, make('h3', {}, t('check_findings')), make('p', { id: 'check-state', className: 'note', role: 'status' }),
      make('div', { id: 'check-seen', className: 'rows', hidden: true }, ...said),
      make('div', { id: 'check-compared', hidden: true }, make('div', { className: 'rows' }, make('div', { className: 'top' }, make('b', {}, t('check_photo_like')), make('span', { id: 'check-photo-seen' }))),
        make('p', { id: 'check-photo-why', className: 'state' }), make('p', { className: 'hint' }, t('check_photo_swap'))),
      make('div', { id: 'check-request', className: 'group', hidden: true }, make('p', { id: 'check-script', 'aria-live': 'assertive' }),
        make('div', { className: 'inline wrap' }, act('check-read', 'POST', '/api/check/request/said'), act('check-declined', 'POST', '/api/check/request/declined'), act('check-no-more', 'DELETE', '/api/check/request')),
        make('p', { className: 'hint' }, t('check_decline_hint'))),
      make('div', {}, make('ul', { id: 'check-answers', className: 'rows' })),
      make('a', { id: 'check-notes', className: 'button', href: '/api/check/notes.zip', download: 'notes.zip', hidden: true }, t('check_notes')));
  }

  list() {
    const rows = LIST.map((name) => make('label', { className: 'row' }, make('span', {}, t(`check_list_${name.replace('-', '_')}`)),
      make('select', { 'data-point': name, on: { change: () => void this.sendList() } }, ...['open', 'yes', 'no'].map((each) => make('option', { value: each }, t(`check_${each}`))))));
    return make('section', { id: 'check-list' }, make('h3', {}, t('check_list')), ...rows);
  }

  pairs() {
    return make('section', {}, make('h3', {}, t('check_words')), make('p', { className: 'hint' }, t('check_words_hint')), make('ul', { id: 'check-pairs', className: 'rows' }));
  }

  /** @param {string} [chosen] the device */
  showKind(chosen) {
    const kind = byId('check-kind', HTMLSelectElement).value;
    const show = (/** @type {string} */ id, /** @type {boolean} */ on) => { /** @type {HTMLElement} */ (byId(id).parentElement).hidden = !on; };
    show('check-region', kind === 'screen');
    show('check-window', kind === 'window');
    show('check-stream', kind === 'stream');
    const cameras = this.devices?.cameras ?? [];
    offer(byId('check-device', HTMLSelectElement), cameras.map((each) => [each.id, each.name]), chosen);
    show('check-device', kind === 'camera' && cameras.length > 0);
    byId('check-window').setAttribute('list', 'check-windows');
    if (kind === 'window') void this.showWindows();
  }

  /** Offers the windows that are shown, where the system tells them: by their titles, or by number where several have the same. */
  async showWindows() {
    /** @type {{ id: string, title: string }[]} */
    const windows = await call('GET', '/api/check/windows').catch(() => []);
    const titles = windows.map((each) => each.title);
    const isOnly = (/** @type {string} */ title) => titles.indexOf(title) === titles.lastIndexOf(title);
    byId('check-windows').replaceChildren(...windows.map((each) => make('option', { value: isOnly(each.title) ? each.title : each.id }, each.title)));
  }

  async showDevices() {
    this.devices = (await attempt(() => call('GET', '/api/devices'))) ?? this.devices;
    this.showKind();
  }

  async showPairs() {
    this.minute = minuteNow();
    /** @type {SharedPair[] | null} */
    const people = await call('GET', '/api/check/pairs').catch(() => null);
    if (!people) return;
    reconcile(byId('check-pairs'), people, (each) => each.name, (each) => this.pair(each), (element, each) => {
      /** @type {HTMLElement} */ (element.querySelector('.own')).textContent = t('check_own_pair', { pair: each.pair });
    });
  }

  /** @param {SharedPair} person */
  pair(person) {
    const said = make('input', { type: 'text', autocomplete: 'off', value: this.typed.get(person.name) ?? '', on: { input: () => this.typed.set(person.name, said.value) }, 'aria-label': t('check_said', { name: person.name }) });
    const found = make('p', { className: 'state', role: 'status' });
    const compare = async () => {
      const answer = await attempt(() => call('POST', '/api/check/pairs', { name: person.name, said: said.value }));
      if (answer) found.textContent = t(`check_pair_${answer.outcome.replace(' ', '_')}`);
    };
    const form = make('form', { className: 'inline', on: { submit: (/** @type {Event} */ event) => { event.preventDefault(); void compare(); } } }, said, make('button', {}, t('check_compare')));
    return make('li', {}, make('div', { className: 'top' }, make('b', {}, person.name), make('span', { className: 'own' })), form, found);
  }

  /** @param {HTMLInputElement} input */
  async watchFile(input) {
    const [file] = input.files ?? [];
    input.value = '';
    if (!file) return;
    const form = new FormData();
    form.append('file', file);
    this.show((await attempt(() => call('POST', '/api/check/file', form))) ?? this.state);
  }

  /** @param {HTMLInputElement} input @param {HTMLInputElement} agreed the statement, which is for one photo */
  async choosePhoto(input, agreed) {
    const [photo] = input.files ?? [];
    input.value = '';
    if (!photo) return;
    const form = new FormData();
    form.append('photo', photo);
    form.append('agreed', String(agreed.checked));
    agreed.checked = false;
    this.show((await attempt(() => call('POST', '/api/check/photo', form))) ?? this.state);
  }

  async watchCall() {
    const is = (/** @type {string} */ id) => byId(id, HTMLInputElement).checked;
    const typed = (/** @type {string} */ id) => byId(id, HTMLInputElement).value.trim();
    const kind = byId('check-kind', HTMLSelectElement).value, region = typed('check-region');
    /** @type {Record<string, string>} */
    const devices = { camera: byId('check-device', HTMLSelectElement).value.replace('/dev/video', ''), window: typed('check-window'), stream: typed('check-stream') };
    const wanted = {
      kind, device: devices[kind] ?? '', region: kind === 'screen' && region ? region.split(',').map(Number) : null,
      told: is('check-told'), asks: is('check-asks'), keeps: is('check-keeps'),
    };
    this.show((await attempt(() => call('POST', '/api/check/call', wanted))) ?? this.state);
  }

  async sendList() {
    const answers = Object.fromEntries([...byId('check-list').querySelectorAll('select')].map((each) => [each.dataset.point, { yes: true, no: false }[each.value] ?? null]));
    this.sent += 1;
    await attempt(() => call('PUT', '/api/check/list', { answers }));
    this.taken += 1;
    await this.refresh(true);
  }

  /** Fills in what the host has said so far, or leaves what is on its way. @param {number} [sent] lists sent before the state was asked for */
  fillList(sent = this.sent) {
    if (this.taken !== this.sent || sent !== this.sent) return;
    for (const point of this.view.querySelectorAll('#check-list select')) {
      const select = /** @type {HTMLSelectElement} */ (point), said = this.state?.said[select.dataset.point ?? ''];
      const value = said === true ? 'yes' : said === false ? 'no' : 'open';
      if (select.value !== value) select.value = value;
    }
  }

  /** @param {string} method @param {string} path */
  async act(method, path) {
    await attempt(() => call(method, path));
    await this.refresh(true);
  }

  /** Reads the state while something may change, hidden or not: a check or a photo that no page asks for is ended. @param {boolean} [isWanted] */
  async refresh(isWanted = this.isRunning || !!this.state?.photo) {
    if (!isWanted || this.isAsking) return;
    this.isAsking = true;
    const { sent, taken } = this;
    const state = await call('GET', '/api/check').catch(() => this.state);
    this.isAsking = false;
    this.show(state, sent === taken ? sent : -1);
  }

  /** @param {CheckState | null} state @param {number} [sent] lists sent before it was asked for */
  show(state, sent) {
    if (!state) return;
    this.state = state;
    const { phase } = state, isSeen = state.looks > 0;
    const about = { source: state.source ?? '', n: state.seconds ?? 0 };
    say('check-state', state.error ? lineOf(state.error) : [t(`check_${phase}`, about), state.lost].filter(Boolean).join(' – '));
    byId('check-state').classList.toggle('bad', phase === 'failed');
    byId('check-seen').hidden = !isSeen;
    this.fillList(sent);
    for (const name of /** @type {const} */ (['mark', 'badge'])) say(`check-${name}`, seen(state[name] ?? 'cannot tell'));
    say('check-photo-name', state.photo && t('check_photo_next', { name: state.photo }));
    byId('check-photo-drop').hidden = !state.photo;
    const { compared } = state;
    byId('check-compared').hidden = !compared;
    if (compared) {
      say('check-photo-seen', seen(compared.seen));
      say('check-photo-why', compared.reason && t(`check_photo_${compared.reason}`));
    }
    byId('check-notes').hidden = !isSeen || this.isRunning;
    byId('check-stop', HTMLButtonElement).disabled = !this.isRunning;
    const { request } = state;
    byId('check-request').hidden = !request || request.phase === 'done';
    for (const id of ['check-read', 'check-declined']) byId(id, HTMLButtonElement).disabled = !request?.kind;
    if (request) say('check-script', request.kind ? script(request) : t('check_waiting'));
    const numbered = state.answers.map((answer, number) => ({ answer, number }));
    reconcile(byId('check-answers'), numbered, ({ answer, number }) => `${state.source} ${number} ${answer.kind}`, (each) => this.answer(each.answer, each.number), () => {});
  }

  /** @param {CheckAnswer} answer @param {number} number */
  answer(answer, number) {
    const film = answer.has_film ? [make('video', { src: `/api/check/repeats/${number}`, controls: true, loop: true, muted: true, preload: 'metadata', 'aria-label': t('check_repeat') }), make('p', { className: 'hint' }, t('check_repeat'))] : [];
    const reason = answer.reason ? [make('p', { className: 'state' }, t(`check_why_${answer.reason.replaceAll('-', '_')}`))] : [];
    return make('li', {}, make('div', { className: 'top' }, make('b', {}, script(answer)), make('span', {}, seen(answer.seen))), ...reason, ...film);
  }
}

function minuteNow() {
  return Math.floor(Date.now() / MINUTE_MS);
}

/** @param {string} word */
function seen(word) {
  return t(`check_${word.replace(' ', '_')}`);
}

/** The words that the host reads aloud. @param {{ kind: string, side: string, count: number }} ask */
function script({ kind, side, count }) {
  return t(`check_ask_${kind}`, { side: side && t(`check_${side}`), n: count });
}
