/** The people of a file: a card each, and which face each of them wears. */
import { attempt, call } from './api.js';
import { clock } from './clock.js';
import { byId, make, offer, reconcile, say } from './dom.js';
import { isRunning, showProgress, stateOf } from './filmstate.js';
import { noteOf } from './troubles.js';
import { decimal, loadLater, t } from './strings.js';
import { Timeline } from './timeline.js';
/** @typedef {import('./types').State} State @typedef {import('./types').Film} Film @typedef {import('./types').FilmCard} FilmCard @typedef {import('./types').Face} Face @typedef {import('./faces.js').Faces} Faces */

await loadLater();

const FACE = 'text/mien-face';
const CARD = 'text/mien-card';
const ALONE = 'leave';

export class People {
  /** @param {Faces} faces */
  constructor(faces) {
    this.faces = faces;
    this.dialog = byId('film-dialog', HTMLDialogElement);
    this.cards = byId('film-cards');
    this.timeline = new Timeline((part) => void this.change(part), (key, times) => this.edit(key, { not_in: times }));
    /** @type {Film | null} */
    this.film = null;
    /** The film that is open. */
    this.id = '';
    this.revision = -1;
    this.isFetching = false;
    this.faceKey = '';
    this.dialog.addEventListener('close', () => this.close());
    for (const event of ['dragover', 'drop']) this.dialog.addEventListener(event, (each) => { each.preventDefault(); each.stopPropagation(); });
    byId('film-others').addEventListener('change', () => void this.change({ others: byId('film-others', HTMLSelectElement).value }));
    byId('film-everybody').addEventListener('change', () => {
      const select = byId('film-everybody', HTMLSelectElement);
      const chosen = select.value;
      select.value = 'none';
      if (chosen !== 'none') void this.wear(chosen, (face) => this.change({ everybody: face }));
    });
    byId('film-swap').addEventListener('click', () => void this.swap());
    byId('film-stop').addEventListener('click', () => void attempt(() => call('POST', `/api/films/${this.id}/stop`)));
  }

  /** @param {string} id */
  open(id) {
    [this.id, this.film, this.revision] = [id, null, -1];
    this.cards.replaceChildren();
    this.timeline.open(id);
    for (const place of ['film-title', 'film-state', 'film-notes', 'film-beyond']) say(place, '');
    if (!this.dialog.open) this.dialog.showModal();
    if (this.state) this.show(this.state);
    void this.fetch();
  }

  close() {
    this.id = '';
    this.timeline.close();
  }

  /** @param {State} state */
  show(state) {
    this.state = state;
    if (!this.id) return;
    const row = state.films.find((film) => film.id === this.id);
    if (!row) {
      if (this.film) this.dialog.close();
      return;
    }
    say('film-title', row.name);
    say('film-state', stateOf(row));
    byId('film-state').classList.toggle('bad', row.state === 'failed');
    showProgress(byId('film-progress', HTMLProgressElement), row);
    byId('film-stop').hidden = !isRunning(row);
    if (row.revision !== this.revision || row.state !== this.film?.state || this.faceKey !== keyOf(this.gallery())) void this.fetch();
  }

  /** All faces that may be worn. @returns {Face[]} */
  gallery() {
    return this.state ? [...this.state.faces, ...this.state.stand_ins] : [];
  }

  /** Asks for the people; once at a time, and again when they have changed meanwhile. */
  async fetch() {
    if (this.isFetching) return;
    this.isFetching = true;
    const id = this.id;
    const film = await attempt(() => call('GET', `/api/films/${id}`));
    this.isFetching = false;
    if (id !== this.id) return void (this.id && this.fetch());
    if (film) this.take(film);
  }

  /** @param {Film} film */
  take(film) {
    if (film.id !== this.id || (this.film && film.revision < this.film.revision)) return;
    [this.film, this.revision, this.faceKey] = [film, film.revision, keyOf(this.gallery())];
    reconcile(byId('film-faces'), this.gallery(), (face) => face.id, (face) => this.buildFace(face), () => {});
    reconcile(this.cards, film.cards, (card) => String(card.key), (card) => this.build(card), (element, card) => this.update(element, card));
    // A picture has no lanes.
    say('film-notes', [...film.notes.map(noteOf), ...(film.unknown.length && !film.seconds ? [t('unknown_faces')] : [])].join(' · '));
    say('film-beyond', film.beyond ? t('people_beyond', { n: film.beyond }) : '');
    offer(byId('film-others', HTMLSelectElement), [['leave', t('others_leave')], ['blur', t('others_blur')], ['cover', t('others_cover')]], film.others);
    offer(byId('film-everybody', HTMLSelectElement), [['none', t('wear_all')], ['', t('wears_others')], ...this.gallery().map(option)], 'none');
    const wearing = film.cards.filter((card) => card.wears && card.wears !== ALONE).length;
    byId('film-swap', HTMLButtonElement).disabled = !wearing;
    say('film-hint', film.cards.length && !wearing ? t('film_hint') : '');
    for (const place of ['film-choices', 'film-faces', 'film-faces-title']) byId(place).hidden = !film.cards.length;
    this.timeline.show(film, wearing > 0);
  }

  /** @param {Face} face */
  buildFace(face) {
    const item = make('li', { draggable: true, title: face.name }, make('img', { loading: 'lazy', src: `/api/faces/${face.id}/thumb.jpg`, alt: face.name, draggable: false }));
    item.addEventListener('dragstart', (event) => event.dataTransfer?.setData(FACE, face.id));
    return item;
  }

  /** @param {FilmCard} card */
  build(card) {
    const key = card.key;
    const picture = make('button', { type: 'button', className: 'view', on: { click: () => this.timeline.seek(this.card(key)?.best_s ?? 0) } },
      make('img', { className: 'person', alt: '', draggable: false }), make('span', { className: 'number' }), make('img', { className: 'worn', alt: '', hidden: true, draggable: false }));
    const name = make('input', { type: 'text', maxLength: 40, className: 'name', autocomplete: 'off', on: { change: () => void this.edit(key, { name: name.value }) } });
    const wears = make('select', { className: 'wears', on: { change: () => void this.wear(wears.value, (face) => this.edit(key, { wears: face })) } });
    const into = make('select', { className: 'into', on: { change: () => { const other = into.value; into.value = ''; if (other) void this.edit(key, { into: Number(other) }); } } });
    const element = make('li', { className: 'person-card', draggable: true }, picture, make('div', { className: 'facts-of' }, name, make('p', { className: 'note times' }), wears, into, make('p', { className: 'merged' }), make('p', { className: 'merged struck-of' })));
    element.addEventListener('dragstart', (event) => event.dataTransfer?.setData(CARD, String(key)));
    element.addEventListener('dragover', () => element.classList.add('over'));
    for (const event of ['dragleave', 'drop']) element.addEventListener(event, () => element.classList.remove('over'));
    element.addEventListener('drop', (event) => this.dropped(key, event));
    return element;
  }

  /** A face that is dropped on a card is worn; a card that is dropped on another one shows the same person. @param {number} key @param {DragEvent} event */
  dropped(key, event) {
    const face = event.dataTransfer?.getData(FACE), other = event.dataTransfer?.getData(CARD);
    if (face) void this.wear(face, (id) => this.edit(key, { wears: id }));
    else if (other && Number(other) !== key) void this.edit(Number(other), { into: key });
  }

  /** @param {HTMLElement} element @param {FilmCard} card */
  update(element, card) {
    const title = card.name ? `${t('person_number', { n: card.number })}, ${card.name}` : t('person_number', { n: card.number });
    const part = (/** @type {string} */ name) => /** @type {any} */ (element.querySelector(name));
    // The best view changes while the film is read.
    const address = `/api/films/${this.id}/people/${card.key}/0.jpg?best=${card.best_s}`;
    if (part('.person').getAttribute('src') !== address) part('.person').src = address;
    part('.view').setAttribute('aria-label', t('show_person', { name: title, time: clock(card.best_s) }));
    part('.number').textContent = String(card.number);
    const isFace = Boolean(card.wears) && card.wears !== ALONE;
    const worn = isFace ? `/api/faces/${card.wears}/thumb.jpg` : '';
    part('.worn').hidden = !isFace;
    if (isFace && part('.worn').getAttribute('src') !== worn) part('.worn').src = worn;
    if (document.activeElement !== part('.name')) part('.name').value = card.name;
    part('.name').placeholder = t('person_number', { n: card.number });
    part('.name').setAttribute('aria-label', t('name_of', { name: title }));
    const height = t('face_size', { n: card.height, share: decimal(100 * card.share, 1) });
    part('.times').textContent = this.film?.picture ? height : `${t('in_sight', { time: duration(card.seconds) })} · ${height}`;
    part('.times').title = card.times.slice(0, 40).map(([start, end]) => `${clock(start)}–${clock(end)}`).join(', ');
    offer(part('.wears'), [['', t('wears_others')], [ALONE, t('wears_nothing')], ...this.gallery().map(option)], card.wears ?? '');
    part('.wears').setAttribute('aria-label', t('face_for', { name: title }));
    const others = (this.film?.cards ?? []).filter((other) => other.key !== card.key);
    offer(part('.into'), [['', t('merge_with')], .../** @type {[string, string][]} */ (others.map((other) => [String(other.key), other.name || t('person_number', { n: other.number })]))], '');
    part('.into').setAttribute('aria-label', t('merge_name', { name: title }));
    part('.into').hidden = !others.length;
    this.timeline.striking.list(part('.struck-of'), card);
    reconcile(part('.merged'), card.merged, (each) => String(each.key), (each) => make('button', { type: 'button', title: t('take_apart', { n: each.number }), 'aria-label': t('take_apart', { n: each.number }), on: { click: () => void this.edit(each.key, { into: null }) } }, `+ ${each.number} ✕`), () => {});
  }

  /** @param {number} key */
  card(key) {
    return this.film?.cards.find((each) => each.key === key);
  }

  /** Gives a face to somebody, after the statement that its person is an adult, where that is needed. @param {string} chosen a face, 'leave', or '' as all others @param {(face: string | null) => Promise<any>} give */
  async wear(chosen, give) {
    const isFace = Boolean(chosen) && chosen !== ALONE;
    await attempt(() => (isFace ? this.faces.statingAdulthood(chosen, () => give(chosen)) : give(chosen || null)));
    // A refused choice goes back to what holds.
    void this.fetch();
  }

  /** Raises an ApiError. @param {number} key @param {object} values */
  async edit(key, values) {
    const id = this.id;
    const work = async () => {
      this.take(await call('PATCH', `/api/films/${id}/people/${key}`, values));
      return true;
    };
    return 'wears' in values ? work() : attempt(work);
  }

  /** @param {object} values */
  async change(values) {
    const id = this.id;
    const work = async () => this.take(await call('PATCH', `/api/films/${id}`, values));
    return 'everybody' in values ? work() : attempt(work);
  }

  async swap() {
    const id = this.id;
    const job = await attempt(() => call('POST', `/api/films/${id}/swap`));
    if (job && this.id === id) this.dialog.close();
  }
}

/** @param {Face[]} faces */
function keyOf(faces) {
  return faces.map((face) => face.id).join();
}

/** @param {Face} face @returns {[string, string]} */
function option(face) {
  return [face.id, face.name];
}

/** @param {number} seconds in words */
function duration(seconds) {
  return seconds < 60 ? `${decimal(seconds, 1)} s` : clock(seconds);
}
