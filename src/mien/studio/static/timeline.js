/** The frames of a film: before and after at any time, a lane for each person, and the part that is wanted. */
import { clock } from './clock.js';
import { byId, make, reconcile, say } from './dom.js';
import { Shot } from './shot.js';
import { Striking } from './striking.js';
import { t } from './strings.js';
/** @typedef {import('./types').Film} Film */

const AFTER_PAUSE_MS = 300;

export class Timeline {
  /** @param {(part: { start_s?: number | null, end_s?: number | null }) => void} changed @param {(key: number, times: [number, number][]) => Promise<any>} strike */
  constructor(changed, strike) {
    this.changed = changed;
    this.before = new Shot('film-before', (trouble) => this.tell({ before: trouble, finding: false }), () => this.tell({ finding: true }));
    this.after = new Shot('film-after', (trouble) => this.tell({ after: trouble, making: false }));
    this.said = { before: '', after: '', making: false, finding: false };
    this.range = byId('film-time', HTMLInputElement);
    this.split = byId('film-split', HTMLInputElement);
    /** @type {Film | null} */
    this.film = null;
    this.isWorn = false;
    this.timer = 0;
    this.striking = new Striking({ seek: (time) => this.seek(time), redraw: () => this.redraw(), strike });
    this.range.addEventListener('input', () => this.seek(Number(this.range.value)));
    this.split.addEventListener('input', () => this.divide());
    byId('film-in').addEventListener('click', () => this.changed({ start_s: this.time() }));
    byId('film-out').addEventListener('click', () => this.changed({ end_s: this.time() + (this.film?.step_s ?? 0) }));
    byId('film-whole').addEventListener('click', () => this.changed({ start_s: null, end_s: null }));
    byId('film-dialog').addEventListener('keydown', (event) => {
      if (/** @type {HTMLElement} */ (event.target).matches('[type="text"], select') || !this.film?.seconds) return;
      if (event.key === 'i') byId('film-in').click();
      if (event.key === 'o') byId('film-out').click();
    });
    this.divide();
  }

  /** @param {string} id of the film */
  open(id) {
    this.close();
    this.id = id;
    this.range.value = '0';
  }

  close() {
    [this.id, this.film, this.isWorn] = ['', null, false];
    this.striking.show(null);
    clearTimeout(this.timer);
    this.before.want('');
    this.after.want('');
    this.tell({ before: '', after: '', making: false, finding: false });
  }

  /** @param {Film} film @param {boolean} isWorn whether anybody wears a face */
  show(film, isWorn) {
    [this.film, this.isWorn] = [film, isWorn];
    const seconds = film.seconds ?? 0;
    byId('film-times').hidden = !seconds;
    [this.range.max, this.range.step] = [String(Math.max(seconds - film.step_s, 0)), String(film.step_s)];
    this.striking.show(film);
    this.lanes(film, seconds);
    this.place();
    const isBroken = film.state === 'failed' && !seconds && !film.picture;
    byId('film-frame').hidden = isBroken;
    if (film.state !== 'waiting' && !isBroken) this.ask();
  }

  redraw() {
    if (this.film) this.lanes(this.film, this.film.seconds ?? 0);
  }

  /** @param {Film} film @param {number} seconds */
  lanes(film, seconds) {
    const unknown = film.unknown.length ? [{ key: -1, number: 0, name: t('unknown_faces'), times: film.unknown, not_in: [] }] : [];
    reconcile(byId('film-lanes'), seconds ? [...film.cards, ...unknown] : [], (lane) => String(lane.key), () => make('li', {}, make('span', { className: 'who' }), make('span', { className: 'track' })), (element, lane) => {
      const name = lane.name || t('person_number', { n: lane.number });
      const [who, track] = /** @type {HTMLElement[]} */ ([...element.children]);
      element.classList.toggle('unknown', lane.key < 0);
      who.textContent = lane.name || String(lane.number);
      who.title = name;
      element.setAttribute('aria-label', `${name}: ${lane.times.slice(0, 20).map(([start, end]) => `${clock(start)}–${clock(end)}`).join(', ')}`);
      const chosen = this.striking.stretch(lane.key);
      const drawn = JSON.stringify([seconds, lane.times, lane.not_in, chosen]);
      if (element.dataset.drawn === drawn) return;
      element.dataset.drawn = drawn;
      const first = lane.times[0]?.[0] ?? 0, last = lane.times.at(-1)?.[1] ?? 0;
      const lost = lane.key < 0 ? [] : [bar('lost', first, last, seconds)];
      const bars = (/** @type {string} */ kind, /** @type {[number, number][]} */ times) => times.map(([start, end]) => bar(kind, start, end, seconds));
      track.replaceChildren(...lost, ...bars('seen', lane.times), ...bars('struck', lane.not_in), ...bars('chosen', chosen ? [chosen] : []));
    });
  }

  /** Shows the time, the part and the playhead. */
  place() {
    const { film } = this;
    if (!film?.seconds) return;
    const time = this.time(), start = film.start_s ?? 0, end = Math.min(film.end_s ?? film.seconds, film.seconds);
    this.range.setAttribute('aria-valuetext', clock(time));
    say('film-clock', `${clock(time)} / ${clock(film.seconds)}`);
    const isPart = film.start_s !== null || film.end_s !== null;
    say('film-part', isPart ? t('part_from_to', { start: clock(start), end: clock(end) }) : t('part_whole'));
    byId('film-whole').hidden = !isPart;
    const marked = byId('film-marked');
    [marked.style.left, marked.style.width] = [`${(100 * start) / film.seconds}%`, `${(100 * (end - start)) / film.seconds}%`];
    byId('film-head').style.left = `${(100 * time) / film.seconds}%`;
  }

  time() {
    return Number(this.range.value);
  }

  /** @param {number} time_s */
  seek(time_s) {
    this.range.value = String(time_s);
    this.place();
    this.ask();
  }

  /** Asks for the frame at once, first for one like it, and for the swapped one after a pause: it takes longer. */
  ask() {
    const time = this.time().toFixed(3);
    this.before.want(`/api/films/${this.id}/frame.jpg?time_s=${time}`, `/api/films/${this.id}/soon.jpg?time_s=${time}`);
    clearTimeout(this.timer);
    const path = `/api/films/${this.id}/swapped.jpg?time_s=${time}&revision=${this.film?.revision}`;
    if (!this.isWorn) {
      this.after.want('');
      this.tell({ after: '', making: false });
    } else if (path !== this.after.shown) {
      // What is shown, or on its way, belongs to another time or choice.
      this.after.expect(path);
      this.tell({ after: '', making: true });
      this.timer = window.setTimeout(() => this.after.want(path), AFTER_PAUSE_MS);
    }
  }

  /** @param {Partial<Timeline['said']>} news */
  tell(news) {
    Object.assign(this.said, news);
    const { before, after, making, finding } = this.said;
    say('film-trouble', before || after || (finding ? t('finding_frame') : making ? t('making_after') : ''));
    byId('film-trouble').classList.toggle('bad', Boolean(before || after));
    byId('film-compare').hidden = !this.isWorn;
    byId('film-halves').hidden = this.after.image.hidden;
  }

  /** Puts the line between before and after. */
  divide() {
    const share = Number(this.split.value);
    this.after.image.style.clipPath = `inset(0 0 0 ${share}%)`;
    const [before, after] = /** @type {HTMLElement[]} */ ([...byId('film-halves').children]);
    [before.style.visibility, after.style.visibility] = [share > 0 ? 'visible' : 'hidden', share < 100 ? 'visible' : 'hidden'];
    this.split.setAttribute('aria-valuetext', t('split_at', { n: share }));
  }
}

/** @param {string} kind @param {number} start @param {number} end @param {number} seconds */
function bar(kind, start, end, seconds) {
  const made = make('i', { className: kind });
  [made.style.left, made.style.width] = [`${(100 * start) / seconds}%`, `${Math.max((100 * (end - start)) / seconds, 0.3)}%`];
  return made;
}
