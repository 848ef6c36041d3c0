/** The gallery: add, choose, save and remove faces, with consent asked once for each photo. */
import { ApiError, attempt, call, complain, offerUndo, tell } from './api.js';
import { when } from './dates.js';
import { byId, make, reconcile, remember, remembered, say } from './dom.js';
import { hasLater, t } from './strings.js';
import { noteOf } from './troubles.js';
/** @typedef {import('./types').State} State @typedef {import('./types').Face} Face */

const UNDO_MS = 8000;
const asking = () => import('./asking.js');
/** From this number of faces on, they scroll in a strip of their own and can be looked for by name. */
const MANY = 12;
const NOBODY = { id: 'none', name: '', consent: '', saved: false, photos: 0, warnings: [], score: null };

export class Faces {
  constructor() {
    this.list = byId('face-list');
    this.standIns = byId('stand-in-list');
    this.search = byId('face-search', HTMLInputElement);
    this.search.addEventListener('input', () => this.state && this.show(this.state));
    /** What is shown of each face, so that a change of the state touches few of many. @type {WeakMap<HTMLElement, string>} */
    this.shown = new WeakMap();
    const button = byId('stand-ins');
    button.addEventListener('click', () => this.showStandIns(this.standIns.hidden));
    this.showStandIns(Boolean(remembered('standIns', true)));
    /** Faces that are being removed, with what ends the wait. @type {Map<string, () => void>} */
    this.leaving = new Map();
    window.addEventListener('pagehide', () => this.leaving.forEach((finish) => finish()));
    /** The photos before have been added, or refused. @type {Promise<void>} */
    this.done = Promise.resolve();
    byId('add-face', HTMLInputElement).addEventListener('change', (event) => {
      const input = /** @type {HTMLInputElement} */ (event.target);
      const files = [...(input.files ?? [])];
      input.value = '';
      void this.addAll(files);
    });
    byId('take-photo').addEventListener('click', () => void attempt(() => this.takePhoto()));
    document.addEventListener('paste', (event) => {
      const file = [...(event.clipboardData?.files ?? [])].find((each) => each.type.startsWith('image/'));
      if (file && !document.querySelector('dialog[open]')) void this.add(file, t('photo_copied'));
    });
    this.acceptDrops(/** @type {HTMLElement} */ (document.querySelector('.faces')));
  }

  /** @param {boolean} on */
  showStandIns(on) {
    this.standIns.hidden = !on;
    byId('stand-ins').setAttribute('aria-expanded', String(on));
    remember('standIns', on);
  }

  /** Takes a face off and out of sight, and removes it when the time to undo that is over. @param {Face} face */
  remove(face) {
    const wasWorn = this.state?.face === face.id;
    if (wasWorn) void this.select('none');
    const finish = () => {
      if (!this.leaving.delete(face.id)) return;
      clearTimeout(timer);
      void attempt(() => call('DELETE', `/api/faces/${face.id}`));
    };
    const timer = setTimeout(finish, UNDO_MS);
    this.leaving.set(face.id, finish);
    if (this.state) this.show(this.state);
    offerUndo(t('removed', { name: face.name }), t('undo'), () => {
      clearTimeout(timer);
      this.leaving.delete(face.id);
      if (this.state) this.show(this.state);
      if (wasWorn) void this.select(face.id);
    }, UNDO_MS);
  }

  /** @param {HTMLElement} panel */
  acceptDrops(panel) {
    document.addEventListener('dragover', (event) => {
      event.preventDefault();
      document.body.classList.add('dragging');
    });
    document.addEventListener('dragleave', (event) => event.relatedTarget ?? document.body.classList.remove('dragging'));
    document.addEventListener('drop', (event) => {
      event.preventDefault();
      document.body.classList.remove('dragging');
    });
    panel.addEventListener('drop', (event) => void this.addAll([...(event.dataTransfer?.files ?? [])]));
    for (const cancel of document.querySelectorAll('dialog .cancel')) cancel.addEventListener('click', () => cancel.closest('dialog')?.close());
  }

  /** @param {State} state */
  show(state) {
    this.state = state;
    reconcile(this.standIns, state.stand_ins, (face) => face.id, (face) => this.buildStandIn(face), (element, face) =>
      element.querySelector('.pick')?.setAttribute('aria-pressed', String(state.face === face.id)));
    byId('add-hint').hidden = this.faces().length > 0;
    const isMany = this.faces().length > MANY;
    this.list.classList.toggle('many', isMany);
    this.search.hidden = !isMany;
    reconcile(this.list, [...this.found(), NOBODY], (face) => face.id, (face) => this.build(face), (element, face) => this.update(element, face));
    const worn = this.worn;
    this.worn = state.face;
    if (isMany && worn !== state.face) this.list.querySelector('[aria-pressed="true"]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }

  /** All faces but those that are being removed. */
  faces() {
    return (this.state?.faces ?? []).filter((face) => !this.leaving.has(face.id));
  }

  /** The faces whose names hold what is looked for. */
  found() {
    const words = this.search.hidden ? '' : this.search.value.trim().toLowerCase();
    return this.faces().filter((face) => face.name.toLowerCase().includes(words));
  }

  /** @param {HTMLElement} element @param {Face} face */
  update(element, face) {
    const chosen = (this.state?.face ?? 'none') === face.id, shown = JSON.stringify([chosen, face, hasLater()]);
    if (this.shown.get(element) === shown) return;
    this.shown.set(element, shown);
    element.querySelector('.pick')?.setAttribute('aria-pressed', String(chosen));
    const save = /** @type {HTMLButtonElement | null} */ (element.querySelector('.save'));
    if (save) {
      save.disabled = face.saved;
      save.textContent = `${face.saved ? '★' : '☆'} ${t(face.saved ? 'saved' : 'save')}`;
    }
    const name = /** @type {HTMLElement | null} */ (element.querySelector('.name'));
    if (name) {
      name.textContent = `${face.warnings.length ? '⚠ ' : ''}${face.photos > 1 ? `${t('photos', { n: face.photos })} · ` : ''}${face.name}`;
      const score = face.score === null ? [] : [t('photo_score', { n: face.score })];
      name.title = [face.name, ...score, ...face.warnings.map(noteOf)].join('\n');
    }
  }

  /** @param {Face} face */
  build(face) {
    const pick = make('button', { type: 'button', className: 'pick', 'aria-pressed': 'false', on: { click: () => void this.select(face.id) } });
    if (face.id === 'none') {
      pick.classList.add('nobody');
      pick.append(t('nobody'));
      pick.dataset.t = 'nobody';
      return make('li', { className: 'face' }, pick);
    }
    this.label(pick, face);
    const act = (/** @type {string} */ className, /** @type {string} */ words, /** @type {() => void} */ click) =>
      make('button', { type: 'button', className, on: { click: () => { acts.hidePopover(); click(); } } }, words);
    const acts = make('div', { className: 'acts', id: `acts-${face.id}`, popover: 'auto', role: 'group', 'aria-label': face.name },
      act('more', `+ ${t('add_more')}`, () => this.chooseMore(face.id)),
      act('film', `● ${t('record_clip')}`, () => void this.recordMore(face.id)),
      act('save', '', () => void attempt(() => call('POST', `/api/faces/${face.id}/save`))),
      act('remove', `✕ ${t('remove')}`, () => this.remove(face)));
    const menu = make('button', { type: 'button', className: 'menu', title: t('face_menu'), 'aria-label': `${t('face_menu')}: ${face.name}` }, '⋯');
    menu.popoverTargetElement = acts;
    acts.addEventListener('toggle', () => {
      if (!acts.matches(':popover-open')) return;
      const [box, own] = [menu.getBoundingClientRect(), acts.getBoundingClientRect()];
      acts.style.left = `${Math.max(8, Math.min(box.left, innerWidth - own.width - 8))}px`;
      acts.style.top = `${Math.max(8, box.top - own.height - 4)}px`;
    });
    return make('li', { className: 'face', 'data-face-id': face.id }, pick, menu, acts, make('span', { className: 'name', title: face.name }, face.name));
  }

  /** A face of no one person: it is worn and nothing else. @param {Face} face */
  buildStandIn(face) {
    const pick = make('button', { type: 'button', className: 'pick', title: face.name, 'aria-pressed': 'false', on: { click: () => void this.select(face.id) } });
    this.label(pick, face);
    return make('li', { className: 'face', 'data-stand-in': face.id }, pick);
  }

  /** @param {HTMLElement} pick @param {Face} face */
  label(pick, face) {
    // First that it may wait, then its address: an address alone is fetched at once.
    pick.setAttribute('aria-label', `${t('wear')}: ${face.name}`);
    pick.append(make('img', { loading: 'lazy', src: `/api/faces/${face.id}/thumb.jpg`, alt: '' }));
  }

  /** Asks for another photo of the same person; the server refuses a stranger. @param {string} id */
  chooseMore(id) {
    const input = make('input', { type: 'file', accept: byId('add-face', HTMLInputElement).accept });
    input.addEventListener('change', () => input.files?.[0] && void this.addMore(id, input.files[0]));
    input.click();
  }

  /** Records a clip of the same person with the camera. @param {string} id */
  async recordMore(id) {
    const { recordClip } = await import('./recordclip.js');
    const clip = await recordClip();
    if (clip) await this.addMore(id, clip);
  }

  /** @param {string} id @param {File} photo */
  async addMore(id, photo) {
    const form = new FormData();
    form.append('photo', photo, photo.name);
    say('face-sending', t('sending', { name: photo.name }));
    await attempt(() => this.statingAdulthood(id, () => call('POST', `/api/faces/${id}/photos`, form)));
    say('face-sending', '');
  }

  /** @param {string} id */
  select(id) {
    return attempt(() => this.statingAdulthood(id, () => call('POST', `/api/faces/${id}/select`)));
  }

  /** Does something with a face; asks for adulthood when the server needs it. @param {string} id @param {() => Promise<any>} work */
  async statingAdulthood(id, work) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof ApiError) || error.answer.code !== 'adulthood-needed') throw error;
    }
    // One question at a time: photos that are being added may ask, too.
    const answered = this.done.then(async () => (await asking()).askAdulthood(`/api/faces/${id}/thumb.jpg`));
    this.done = answered.then(() => {});
    if (!(await answered)) return undefined;
    await call('POST', `/api/faces/${id}/adult`);
    return work();
  }

  /** Wears the face at this place in the gallery, counted from one; zero for no face. @param {number} place */
  selectPlace(place) {
    const face = place === 0 ? NOBODY : this.found()[place - 1];
    if (face) void this.select(face.id);
  }

  /** @param {File[]} files */
  addAll(files) {
    for (const file of files) void this.add(file, file.name);
  }

  /** Adds photos one after another: a question is about one photo. @param {Blob} photo @param {string} fileName */
  add(photo, fileName) {
    this.done = this.done.then(() => this.addOne(photo, fileName));
    return this.done;
  }

  /** Adds a photo; asks which of several faces, for the consent and for adulthood, when the server needs it. @param {Blob} photo @param {string} fileName */
  async addOne(photo, fileName) {
    /** @type {Record<string, string>} */
    const answers = {};
    let numbered = '', picture = '';
    for (;;) {
      const answer = await this.offer(photo, fileName, answers);
      if (answer instanceof ApiError && answer.answer.code === 'several' && !answers.number) {
        numbered = answer.answer.picture;
        answers.number = await (await asking()).askWhich(answer.answer.count, numbered);
        if (!answers.number) return;
      } else if (answer instanceof ApiError && answer.answer.code === 'consent-needed' && !answers.consent) {
        picture = answer.answer.picture;
        answers.consent = await (await asking()).askConsent(numbered || picture, answers.number, this.state?.consents ?? []);
        if (!answers.consent) return;
      } else if (answer instanceof ApiError && answer.answer.code === 'adulthood-needed' && !answers.adult) {
        const { askAdulthood, isClip } = await asking(), address = URL.createObjectURL(photo);
        answers.adult = await askAdulthood(numbered || picture || (isClip(photo) ? '' : address), answers.number);
        URL.revokeObjectURL(address);
        if (!answers.adult) return;
      } else {
        if (answer instanceof Error) complain(answer);
        else await this.added(answer, photo, fileName, answers, numbered);
        return;
      }
    }
  }

  /**
   * Wears a new face, and says when an earlier statement of consent was used for it.
   * @param {{ id: string, earlier_consent: import('./types').Consent | null }} face @param {Blob} photo @param {string} fileName @param {Record<string, string>} answers @param {string} numbered
   */
  async added(face, photo, fileName, answers, numbered) {
    await attempt(() => call('POST', `/api/faces/${face.id}/select`));
    const earlier = face.earlier_consent;
    if (!earlier) return;
    const change = async () => {
      const picture = numbered || `/api/faces/${face.id}/thumb.jpg`;
      const consent = await (await asking()).askConsent(picture, answers.number, this.state?.consents ?? []);
      if (!consent || consent === earlier.statement) return;
      const again = await this.offer(photo, fileName, { ...answers, consent });
      if (again instanceof Error) return complain(again);
      await attempt(() => call('POST', `/api/faces/${again.id}/select`));
      await attempt(() => call('DELETE', `/api/faces/${face.id}`));
    };
    tell(t('consent_earlier', { words: t(`basis_${earlier.statement}`), photo: earlier.photo, when: when(earlier.given_at) }), t('consent_change'), () => void attempt(change));
  }

  /** @param {Blob} photo @param {string} fileName @param {Record<string, string>} answers @returns {Promise<any>} the new face, or the error */
  async offer(photo, fileName, answers) {
    const form = new FormData();
    form.append('photo', photo, fileName);
    form.append('name', fileName.replace(/\.\w{1,5}$/, ''));
    for (const [question, answer] of Object.entries(answers)) form.append(question, answer);
    say('face-sending', t('sending', { name: fileName }));
    const answer = await call('POST', '/api/faces', form).catch((error) => error);
    say('face-sending', '');
    return answer;
  }

  async takePhoto() {
    const photo = await (await asking()).takePhoto();
    if (photo) await this.add(photo, `${t('photo_taken')}.jpg`);
  }
}
