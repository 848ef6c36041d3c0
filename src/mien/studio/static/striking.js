/** Times at which the face on a card is somebody else's: chosen on the person's lane, or typed. */
import { clock, secondsOf } from './clock.js';
import { byId, make, offer } from './dom.js';
import { t } from './strings.js';
/** @typedef {import('./types').Film} Film @typedef {[number, number]} Stretch */

const LEAST_DRAG_PIXELS = 4;

export class Striking {
  /** @param {{ seek: (time_s: number) => void, redraw: () => void, strike: (key: number, times: Stretch[]) => Promise<any> }} acts */
  constructor(acts) {
    this.acts = acts;
    /** @type {Film | null} */
    this.film = null;
    /** What is chosen, in seconds. @type {{ key: number, from: number, to: number } | null} */
    this.chosen = null;
    /** Where the pointer went down. @type {{ track: HTMLElement, key: number, x: number, time: number, isDrag: boolean } | null} */
    this.held = null;
    this.who = byId('strike-who', HTMLSelectElement);
    this.from = byId('strike-from', HTMLInputElement);
    this.to = byId('strike-to', HTMLInputElement);
    const lanes = byId('film-lanes');
    lanes.addEventListener('pointerdown', (event) => this.pressed(event));
    lanes.addEventListener('pointermove', (event) => this.moved(event));
    lanes.addEventListener('pointerup', () => { this.held = null; });
    lanes.addEventListener('pointercancel', () => { this.held = null; });
    for (const input of [this.who, this.from, this.to]) input.addEventListener('input', () => this.typed());
    byId('film-strike').addEventListener('submit', (event) => {
      event.preventDefault();
      void this.strike();
    });
  }

  /** @param {Film | null} film */
  show(film) {
    this.film = film;
    if (!film) this.choose(null);
    const cards = film?.seconds ? film.cards : [];
    byId('film-strike').hidden = byId('strike-hint').hidden = !cards.length;
    offer(this.who, cards.map((card) => [String(card.key), card.name || t('person_number', { n: card.number })]));
  }

  /** The chosen stretch of a lane. @param {number} key @returns {Stretch | null} */
  stretch(key) {
    return this.chosen && this.chosen.key === key ? [this.chosen.from, this.chosen.to] : null;
  }

  /** @param {{ key: number, from: number, to: number } | null} chosen */
  choose(chosen) {
    this.chosen = chosen;
    if (chosen) this.who.value = String(chosen.key);
    [this.from.value, this.to.value] = chosen ? [clock(chosen.from), clock(chosen.to)] : ['', ''];
    this.check();
    this.acts.redraw();
  }

  typed() {
    const [from, to] = [secondsOf(this.from.value), secondsOf(this.to.value)];
    this.chosen = from < to ? { key: Number(this.who.value), from, to } : null;
    this.check();
    this.acts.redraw();
  }

  check() {
    for (const input of [this.from, this.to]) input.setCustomValidity(Number.isNaN(secondsOf(input.value)) ? t('strike_odd') : '');
    if (!this.chosen && !this.to.validationMessage && !this.from.validationMessage) this.to.setCustomValidity(t('strike_order'));
  }

  /** @param {PointerEvent} event */
  pressed(event) {
    const track = /** @type {HTMLElement} */ (event.target).closest('.track');
    if (!(track instanceof HTMLElement) || !this.film?.seconds || event.button) return;
    track.setPointerCapture(event.pointerId);
    this.held = { track, key: Number(track.parentElement?.dataset.key), x: event.clientX, time: this.timeAt(track, event), isDrag: false };
    this.acts.seek(this.held.time);
  }

  /** @param {PointerEvent} event */
  moved(event) {
    const { held } = this;
    if (!held || !this.film?.cards.some((card) => card.key === held.key)) return;
    held.isDrag ||= Math.abs(event.clientX - held.x) >= LEAST_DRAG_PIXELS;
    if (!held.isDrag) return;
    const time = this.timeAt(held.track, event);
    // As exact as what is shown and can be typed.
    const [from, to] = [Math.min(held.time, time), Math.max(held.time, time)].map((each) => Math.round(10 * each) / 10);
    this.choose(from !== undefined && to !== undefined && from < to ? { key: held.key, from, to } : null);
    this.acts.seek(time);
  }

  /** @param {HTMLElement} track @param {PointerEvent} event */
  timeAt(track, event) {
    const box = track.getBoundingClientRect();
    return Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1) * (this.film?.seconds ?? 0);
  }

  async strike() {
    const { chosen } = this;
    const card = this.film?.cards.find((each) => each.key === chosen?.key);
    if (!chosen || !card) return;
    if (await this.acts.strike(card.key, [...card.not_in, [chosen.from, chosen.to]])) this.choose(null);
  }

  /** The struck out times of a card, each with a way back. @param {HTMLElement} list @param {import('./types').FilmCard} card */
  list(list, card) {
    const rows = card.not_in.map(([from, to]) => make('button', {
      type: 'button', title: t('strike_back'), 'aria-label': `${t('strike_back')}: ${clock(from)}–${clock(to)}`,
      on: { click: () => void this.acts.strike(card.key, card.not_in.filter((each) => each[0] !== from)) },
    }, `${t('struck', { from: clock(from), to: clock(to) })} ✕`));
    const drawn = JSON.stringify([card.not_in, t('struck')]);
    if (list.dataset.drawn === drawn) return;
    list.dataset.drawn = drawn;
    list.replaceChildren(...rows);
  }
}
