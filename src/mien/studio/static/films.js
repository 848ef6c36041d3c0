/** Files whose people are looked for: their list, and how they are given. */
import { attempt, call } from './api.js';
import { byId, make, reconcile } from './dom.js';
import { isRunning, showProgress, stateOf } from './filmstate.js';
import { t } from './strings.js';
/** @typedef {import('./types').State} State @typedef {import('./types').FilmRow} FilmRow @typedef {import('./faces.js').Faces} Faces @typedef {import('./people.js').People} People */

export class Films {
  /** @param {Faces} faces */
  constructor(faces) {
    this.list = byId('film-list');
    this.faces = faces;
    /** The dialog of who wears what, loaded when it is first used. @type {People | null} */
    this.people = null;
    const input = byId('film-file', HTMLInputElement);
    input.addEventListener('change', () => {
      for (const file of input.files ?? []) void this.add(file);
      input.value = '';
    });
  }

  /** Shows the people of a film. @param {string} id */
  async open(id) {
    const { People } = await import('./people.js');
    this.people ??= new People(this.faces);
    if (this.state) this.people.show(this.state);
    this.people.open(id);
  }

  /** Uploads a file to look for its people, and shows them. @param {File} file */
  async add(file) {
    const form = new FormData();
    form.append('file', file, file.name);
    const sending = make('p', { className: 'note' }, t('sending', { name: file.name }));
    byId('job-sending').append(sending);
    const added = await attempt(() => call('POST', '/api/films', form));
    sending.remove();
    if (added) await this.open(added.id);
  }

  /** Looks for the people of a file that is swapped already, or shows them. @param {string} id of the job */
  async openJob(id) {
    const film = await attempt(() => call('POST', `/api/films/of-job/${id}`, {}));
    if (film) await this.open(film.id);
  }

  /** @param {State} state */
  show(state) {
    this.state = state;
    reconcile(this.list, state.films, (film) => film.id, (film) => this.build(film), (element, film) => this.update(element, film));
    this.people?.show(state);
  }

  /** @param {FilmRow} film */
  build(film) {
    const open = make('button', { type: 'button', className: 'open', 'aria-label': `${t('who_wears')}: ${film.name}`, on: { click: () => void this.open(film.id) } }, t('who_wears'));
    const end = make('button', { type: 'button', className: 'end', on: { click: () => void attempt(() => this.end(film.id)) } });
    return make('li', { 'data-film-id': film.id }, make('div', { className: 'top' }, make('b', { title: film.name }, film.name), open, end),
      make('progress', { 'aria-label': film.name }), make('p', { className: 'state' }));
  }

  /** Stops looking, or forgets the film if that has ended. @param {string} id */
  end(id) {
    const film = this.state?.films.find((each) => each.id === id);
    return film && isRunning(film) ? call('POST', `/api/films/${id}/stop`) : call('DELETE', `/api/films/${id}`);
  }

  /** @param {HTMLElement} element @param {FilmRow} film */
  update(element, film) {
    element.dataset.state = film.state;
    showProgress(/** @type {HTMLProgressElement} */ (element.querySelector('progress')), film);
    /** @type {HTMLElement} */ (element.querySelector('.end')).textContent = t(isRunning(film) ? 'cancel' : 'dismiss');
    const state = /** @type {HTMLElement} */ (element.querySelector('.state'));
    state.classList.toggle('bad', film.state === 'failed');
    state.textContent = stateOf(film);
  }
}
