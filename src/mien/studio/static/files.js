/** Pictures and videos that are swapped as files. */
import { attempt, call } from './api.js';
import { byId, make, reconcile } from './dom.js';
import { remedyOf } from './filmstate.js';
import { t } from './strings.js';
import { noteOf, wordsOf } from './troubles.js';
/** @typedef {import('./types').State} State @typedef {import('./types').Job} Job @typedef {import('./films.js').Films} Films */

const ACTIONS = ['pause', 'resume', 'retry', 'up', 'down'];
/** @type {Record<string, string>} */
const ARROWS = { up: '↑', down: '↓' };

export class Files {
  /** @param {Films} films */
  constructor(films) {
    this.films = films;
    this.list = byId('job-list');
    const input = byId('job-file', HTMLInputElement);
    input.addEventListener('change', () => {
      for (const file of input.files ?? []) void this.add(file);
      input.value = '';
    });
    const zone = byId('drop-file');
    zone.addEventListener('dragover', () => zone.classList.add('over'));
    for (const event of ['dragleave', 'drop']) zone.addEventListener(event, () => zone.classList.remove('over'));
    zone.addEventListener('drop', (event) => {
      for (const file of event.dataTransfer?.files ?? []) void this.add(file);
    });
  }

  /** Swaps a file with the chosen face; without one, asks who in it is to wear which. @param {File} file */
  async add(file) {
    if (this.state && !this.state.face) return this.films.add(file);
    const form = new FormData();
    form.append('file', file, file.name);
    const sending = make('p', { className: 'note' }, t('sending', { name: file.name }));
    byId('job-sending').append(sending);
    await attempt(() => call('POST', '/api/jobs', form));
    sending.remove();
  }

  /** @param {State} state */
  show(state) {
    this.state = state;
    reconcile(this.list, state.jobs, (job) => job.id, (job) => this.build(job), (element, job) => this.update(element, job));
  }

  /** @param {Job} job */
  build(job) {
    const end = make('button', { type: 'button', className: 'end', on: { click: () => void attempt(() => call('DELETE', `/api/jobs/${job.id}`)) } });
    const link = make('a', { className: 'button result', href: `/api/jobs/${job.id}/result`, download: '' }, t('download'));
    const receipt = make('a', { className: 'button receipt', href: `/api/jobs/${job.id}/receipt`, download: '' }, t('receipt'));
    const people = make('button', { type: 'button', className: 'people', 'aria-label': `${t('who_wears')}: ${job.name}`, on: { click: () => void this.films.openJob(job.id) } }, t('who_wears'));
    return make('li', { 'data-job-id': job.id }, make('div', { className: 'top' }, make('b', { title: job.name }, job.name)),
      make('div', { className: 'acts' }, link, receipt, people, ...ACTIONS.map((action) => this.button(job, action)), end),
      make('progress', { 'aria-label': job.name }), make('img', { alt: '', hidden: true }), make('p', { className: 'state' }));
  }

  /** @param {Job} job @param {string} action */
  button(job, action) {
    const label = t(`job_${action}`);
    return make('button', { type: 'button', className: action, title: label, 'aria-label': `${label}: ${job.name}`, on: { click: () => void attempt(() => call('POST', `/api/jobs/${job.id}/${action}`)) } },
      ARROWS[action] ?? label);
  }

  /** Shows the buttons that make sense. @param {HTMLElement} element @param {Job} job */
  offer(element, job) {
    const queued = (this.state?.jobs ?? []).filter((each) => ['waiting', 'paused'].includes(each.state)).map((each) => each.id);
    const place = queued.indexOf(job.id);
    /** @type {Record<string, boolean>} */
    const offered = {
      pause: ['waiting', 'running'].includes(job.state) && !job.stopping, resume: job.state === 'paused', retry: ['failed', 'cancelled'].includes(job.state),
      up: place > 0, down: place >= 0 && place < queued.length - 1,
    };
    for (const action of ACTIONS) /** @type {HTMLElement} */ (element.querySelector(`.acts .${action}`)).hidden = !offered[action];
  }

  /** @param {HTMLElement} element @param {Job} job */
  update(element, job) {
    const busy = ['waiting', 'running', 'paused'].includes(job.state);
    this.offer(element, job);
    /** @type {HTMLElement} */ (element.querySelector('.people')).hidden = !job.people;
    element.dataset.state = job.state;
    const bar = /** @type {HTMLProgressElement} */ (element.querySelector('progress'));
    bar.hidden = !busy || job.state === 'paused';
    if (job.total) [bar.max, bar.value] = [job.total, job.frames];
    else bar.removeAttribute('value');
    const picture = /** @type {HTMLImageElement} */ (element.querySelector('img'));
    if (['running', 'done'].includes(job.state) && job.frames > 0 && element.dataset.pictured !== `${job.frames}${job.state}`) {
      element.dataset.pictured = `${job.frames}${job.state}`;
      const next = new Image();
      next.onload = () => { picture.src = next.src; picture.hidden = false; };
      next.src = `/api/jobs/${job.id}/preview.jpg?frame=${job.frames}`;
    }
    /** @type {HTMLElement} */ (element.querySelector('.result')).hidden = job.state !== 'done';
    /** @type {HTMLElement} */ (element.querySelector('.receipt')).hidden = job.state !== 'done' || !job.receipt;
    /** @type {HTMLElement} */ (element.querySelector('.end')).textContent = t(busy ? 'cancel' : 'dismiss');
    const state = /** @type {HTMLElement} */ (element.querySelector('.state'));
    state.classList.toggle('bad', job.state === 'failed');
    const said = job.state === 'done' ? job.notes.map(noteOf) : [job.code ? wordsOf(job).what : job.message, remedyOf(job)];
    const count = job.total && !job.picture ? `${job.frames} / ${job.total}` : '';
    state.textContent = [t(job.stopping ? 'state_stopping' : `state_${job.state}`), ['planning', 'searching', 'covering'].includes(job.doing) ? t(`doing_${job.doing}`) : '', count, ...said].filter(Boolean).join(' · ');
  }
}
