/** The statements of consent: listed and revoked. */
import { attempt, call } from './api.js';
import { when } from './dates.js';
import { make } from './dom.js';
import { Panel, listOf } from './panels.js';
import { loadLater, t } from './strings.js';
/** @typedef {import('./types').Consent} Consent */

await loadLater();

export default class Consents extends Panel {
  constructor() {
    super('consents', 'consents_title');
  }

  async show() {
    /** @type {Consent[] | undefined} */
    const rows = await attempt(() => call('GET', '/api/consents'));
    if (!rows) return;
    const held = rows.filter((row) => !row.revoked_at), revoked = rows.filter((row) => row.revoked_at);
    this.body.replaceChildren(make('p', { className: 'hint' }, t('consents_hint')), listOf([...held, ...revoked].map((row) => this.row(row)), t('consents_none')));
  }

  /** @param {Consent} row */
  row(row) {
    const revoke = make('button', { type: 'button', 'aria-label': `${t('revoke')}: ${row.photo}`, hidden: Boolean(row.revoked_at), on: { click: () => void this.revoke(row) } }, t('revoke'));
    const facts = [t(`basis_${row.statement}`), t('consent_given', { when: when(row.given_at) }), row.adult_at && t('adult_given'), row.revoked_at && t('consent_revoked', { when: when(row.revoked_at) })];
    return make('li', {}, make('div', { className: 'top' }, make('b', { title: row.photo }, row.photo), revoke), make('p', { className: 'state' }, facts.filter(Boolean).join(' · ')));
  }

  /** @param {Consent} row */
  async revoke(row) {
    await attempt(() => call('DELETE', `/api/consents/${row.id}`));
    await this.show();
  }
}
