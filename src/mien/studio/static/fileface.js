/** The face that files wear: shown and chosen where they are dropped, the same as on the stage. */
import { byId, make } from './dom.js';
import { t } from './strings.js';
/** @typedef {import('./types').State} State @typedef {import('./types').Face} Face @typedef {import('./faces.js').Faces} Faces */

export class FileFace {
  /** @param {Faces} faces */
  constructor(faces) {
    this.choice = byId('file-face', HTMLSelectElement);
    this.picture = byId('file-face-picture', HTMLImageElement);
    this.offered = '';
    this.choice.addEventListener('change', () => void faces.select(this.choice.value));
    byId('file-face-add').addEventListener('click', () => byId('add-face').click());
  }

  /** @param {State} state */
  show(state) {
    const offered = JSON.stringify([[...state.faces, ...state.stand_ins].map((face) => [face.id, face.name]), t('nobody')]);
    if (offered !== this.offered) {
      this.offered = offered;
      const option = (/** @type {Face} */ face) => make('option', { value: face.id }, face.name);
      this.choice.replaceChildren(make('option', { value: 'none' }, t('nobody')), ...state.faces.map(option),
        make('optgroup', { label: t('stand_ins') }, ...state.stand_ins.map(option)));
    }
    const worn = state.face ?? 'none', source = state.face ? `/api/faces/${worn}/thumb.jpg` : '';
    this.choice.value = worn;
    this.picture.hidden = !source;
    if (source && this.picture.getAttribute('src') !== source) this.picture.src = source;
  }
}
