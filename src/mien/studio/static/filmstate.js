/** The state of a film in words and as a bar. */
import { t } from './strings.js';
import { wordsOf } from './troubles.js';
/** @typedef {import('./types').FilmRow} FilmRow */

/** @param {FilmRow} film */
export function isRunning(film) {
  return ['waiting', 'looking'].includes(film.state);
}

/** @param {HTMLProgressElement} bar @param {FilmRow} film */
export function showProgress(bar, film) {
  bar.hidden = !isRunning(film);
  if (film.total) [bar.max, bar.value] = [film.total, film.frames];
  else bar.removeAttribute('value');
}

/** What can be done about a failure, in words of the page where it has some. @param {{ message: string, code: string, remedy: string, picture: boolean }} row */
export function remedyOf(row) {
  const words = wordsOf(row);
  const values = { size: t('set_detect_size'), more: t('expert') };
  const ofVideos = t(`remedy_${row.code}`, values, words.remedy);
  return row.picture ? t(`remedy_${row.code}_picture`, values, ofVideos) : ofVideos;
}

/** What there is to say about a film. @param {FilmRow} film */
export function stateOf(film) {
  const count = film.state === 'looking' && film.total && !film.picture ? `${film.frames} / ${film.total}` : '';
  const people = film.people ? t(film.people === 1 ? 'one_person' : 'people_count', { n: film.people }) : '';
  return [film.state === 'done' ? '' : t(`state_${film.state}`), count, people, wordsOf(film).what, remedyOf(film)].filter(Boolean).join(' · ');
}
