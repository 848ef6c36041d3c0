/** People of the live picture: numbers on their faces, on this page alone, and who of them wears which face. */
import { attempt, call } from './api.js';
import { byId, make, offer, reconcile, say } from './dom.js';
import { t } from './strings.js';
/** @typedef {import('./types').State} State @typedef {import('./types').SeenFace} SeenFace @typedef {import('./preview.js').Preview} Preview */

const REACHES = ['everyone', 'me', 'chosen'];
const TREATMENTS = ['cover', 'blur', 'leave'];

export class LivePeople {
  /** @param {Preview} preview @param {(id: string, work: () => Promise<any>) => Promise<any>} statingAdulthood */
  constructor(preview, statingAdulthood) {
    this.preview = preview;
    this.statingAdulthood = statingAdulthood;
    this.isShown = false;
    this.numbers = byId('face-numbers');
    this.dialog = byId('part-dialog', HTMLDialogElement);
    this.reach = byId('people-reach', HTMLSelectElement);
    this.others = byId('people-others', HTMLSelectElement);
    byId('people').addEventListener('click', () => this.toggle());
    byId('people-enrol').addEventListener('click', () => void this.enrolOrForget());
    this.reach.addEventListener('change', () => void this.choose());
    this.others.addEventListener('change', () => void this.choose());
    preview.onFaces = (faces) => this.place(faces);
  }

  toggle() {
    this.isShown = !this.isShown;
    byId('people').setAttribute('aria-pressed', String(this.isShown));
    byId('people-panel').hidden = !this.isShown;
    this.preview.showFaces(this.isShown);
    if (!this.isShown) this.numbers.replaceChildren();
  }

  /** @param {State} state */
  show(state) {
    this.state = state;
    const { people } = state;
    offer(this.reach, REACHES.map((reach) => [reach, t(`reach_${reach}`)]), people.reach);
    offer(this.others, TREATMENTS.map((treatment) => [treatment, t(`others_${treatment}`)]), people.others);
    // Where everyone wears the face, nobody is left.
    byId('people-others-row').hidden = people.reach === 'everyone';
    say('people-enrol', t(people.enrolled ? 'forget_me' : 'enrol_me'));
    byId('people-enrol', HTMLButtonElement).disabled = people.enrolling !== null;
    const isTurning = people.enrolling !== null;
    say('people-state', isTurning ? t('enrolling') : t(`reach_${people.reach}_hint`));
    reconcile(byId('people-list'), people.given, (part) => String(part.number), (part) => this.buildPart(part.number), (element, part) => {
      const words = this.nameOf(part.face);
      const said = /** @type {HTMLElement} */ (element.querySelector('span'));
      if (said.textContent !== words) said.textContent = words;
    });
  }

  /** Whether something is to be seen without a chosen face: a person wears one, or all faces are covered. */
  get isCast() {
    const people = this.state?.people;
    return Boolean(people && (people.given.some((part) => part.face) || (people.reach !== 'everyone' && people.others !== 'leave')));
  }

  /** All faces that can be worn. */
  faces() {
    return this.state ? [...this.state.faces, ...this.state.stand_ins] : [];
  }

  /** @param {string | null} id */
  nameOf(id) {
    return id === null ? t('own_face') : (this.faces().find((face) => face.id === id)?.name ?? '');
  }

  /** @param {number} number */
  buildPart(number) {
    const act = (/** @type {string} */ words, /** @type {() => void} */ click, /** @type {string} */ shown) =>
      make('button', { type: 'button', 'aria-label': `${words}: ${number}`, title: words, on: { click } }, shown);
    return make('li', {}, make('div', { className: 'top' }, make('b', {}, String(number)), make('span', {}),
      act(t('part_change'), () => this.ask(number), '…'), act(t('part_take_back'), () => void attempt(() => call('DELETE', `/api/people/${number}`)), '✕')));
  }

  async choose() {
    const [reach, others] = [this.reach.value, this.others.value];
    if (reach === 'me' && !this.state?.people.enrolled) await this.enrol();
    else await attempt(() => call('PUT', '/api/people', { reach, others }));
    // A refused choice is taken back.
    if (this.state) this.show(this.state);
  }

  async enrolOrForget() {
    if (this.state?.people.enrolled) await attempt(() => call('DELETE', '/api/people/me'));
    else await this.enrol();
  }

  async enrol() {
    say('people-state', t('enrolling'));
    byId('people-enrol', HTMLButtonElement).disabled = true;
    await attempt(() => call('POST', '/api/people/me'));
    if (this.state) this.show(this.state);
  }

  /** Puts a number on each face. @param {SeenFace[]} faces */
  place(faces) {
    if (!this.isShown) return;
    const box = this.preview.pictureBox();
    reconcile(this.numbers, faces, (face) => String(face.number), (face) => this.buildNumber(face.number), (element, face) => {
      const [x, y, width] = face.place;
      const left = this.preview.isMirrored ? 1 - x - width : x;
      element.style.left = `${box.left + Math.min(Math.max(left + width / 2, 0), 1) * box.width}px`;
      // It stands on the head; where that is cut off, in the picture all the same.
      element.style.top = `${Math.max(box.top + Math.min(Math.max(y, 0), 1) * box.height, 1.1 * element.offsetHeight)}px`;
      element.dataset.fate = face.fate;
    });
  }

  /** @param {number} number 0 for the enrolled person */
  buildNumber(number) {
    if (number === 0) return make('span', { className: 'number me' }, t('me'));
    return make('button', { type: 'button', className: 'number', 'aria-label': t('part_of', { n: number }), on: { click: () => this.ask(number) } }, String(number));
  }

  /** Asks what the person of this number wears. @param {number} number */
  ask(number) {
    say('part-title', t('part_of', { n: number }));
    const pick = (/** @type {string | null} */ id, /** @type {(Node | string)[]} */ ...shown) =>
      make('button', { type: 'button', className: 'pick', on: { click: () => void this.give(number, id) } }, ...shown);
    byId('part-choices').replaceChildren(
      ...this.faces().map((face) => make('li', { className: 'face' }, pick(face.id, make('img', { loading: 'lazy', src: `/api/faces/${face.id}/thumb.jpg`, alt: face.name })), make('span', { className: 'name' }, face.name))),
      make('li', { className: 'face' }, pick(null, t('own_face'))));
    byId('part-choices').lastElementChild?.firstElementChild?.classList.add('nobody');
    this.dialog.showModal();
  }

  /** @param {number} number @param {string | null} face */
  async give(number, face) {
    this.dialog.close();
    const give = () => call('PUT', `/api/people/${number}`, { face });
    await attempt(() => (face === null ? give() : this.statingAdulthood(face, give)));
  }
}
