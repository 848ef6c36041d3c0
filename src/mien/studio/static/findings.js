/** Findings in a file, in words and facts: three independent rows. */
import { make } from './dom.js';
import { currentLanguage, t } from './strings.js';
/** @typedef {import('./types').Report} Report @typedef {import('./types').Finding} Finding @typedef {[string, string | null | undefined][]} Facts */

const ON_THE_NETWORK = 'manifest.inaccessible';

/** @param {HTMLElement} place @param {Report | null} report */
export function showFindings(place, report) {
  place.replaceChildren(...(report ? [
    row('credentials', credentialsWords(report.credentials), credentialsFacts(report.credentials.details)),
    row('mark', markWords(report.mark), markFacts(report.mark.details)),
    row('fingerprint', fingerprintWords(report.fingerprint), fingerprintFacts(report.fingerprint.details)),
  ] : []));
}

/** @param {string} name @param {string} words @param {Facts} facts those without a value are left out */
function row(name, words, facts) {
  const known = facts.flatMap(([fact, value]) => (value ? [make('dt', {}, t(`fact_${fact}`)), make('dd', {}, value)] : []));
  const more = make('details', { hidden: !known.length }, make('summary', {}, t('details')), make('dl', { className: 'facts' }, ...known));
  return make('section', { className: 'finding', 'data-row': name, 'aria-labelledby': `row-${name}` },
    make('h3', { id: `row-${name}` }, t(`row_${name}`)), make('p', {}, words), more);
}

/** The report's own words are English; other languages have theirs by state. @param {string} key @param {Finding} finding @param {Record<string, any>} [values] */
function words(key, finding, values = {}) {
  return t(`found_${key}`, values, finding.words);
}

/** @param {Finding} finding */
function credentialsWords(finding) {
  const { state, details } = finding;
  const isElsewhere = state === 'none' && details.problems?.includes(ON_THE_NETWORK);
  const kind = isElsewhere ? 'elsewhere' : state === 'changed' && details.where === 'sidecar' ? 'other' : state;
  return words(`credentials_${kind}`, finding, { signer: details.signer ? t('quoted', { words: details.signer }) : t('nameless') });
}

/** @param {Finding} finding */
function markWords(finding) {
  const { id, made_here: made } = finding.details;
  const [newest] = made ?? [];
  const kind = finding.state === 'found' && newest ? 'here' : finding.state;
  return words(`mark_${kind}`, finding, { id, title: newest?.title, when: moment(newest?.made_at) });
}

/** @param {Finding} finding */
function fingerprintWords(finding) {
  const [nearest] = finding.details.outputs ?? [];
  return words(`fingerprint_${finding.state}`, finding, { title: nearest?.output.title, when: moment(nearest?.output.made_at) });
}

/** @param {Record<string, any>} found @returns {Facts} */
function credentialsFacts(found) {
  const named = (/** @type {string} */ group, /** @type {string[]} */ values) => values.map((each) => t(`${group}_${each}`, {}, each)).join(', ');
  return [
    ['where', found.where && t(`where_${found.where}`)],
    ['signer', found.signer],
    ['signed_at', moment(found.signed_at)],
    ['made_at', moment(found.made_at)],
    ['title', found.title],
    ['generator', [found.generator, found.engine].filter(Boolean).join(', ')],
    ['label', found.label && [t(`label_${found.label}`, {}, found.label), note(found.label_note)].filter(Boolean).join(': ')],
    ['consent', numbered([...new Set((found.consents ?? []).map(consent))])],
    ['actions', named('action', found.actions ?? [])],
    ['source_types', named('source', (found.digital_source_types ?? []).map((/** @type {string} */ each) => each.split('/').pop() ?? ''))],
    ['mark_id', typeof found.mark_id === 'number' ? found.mark_id.toString(16).padStart(6, '0') : null],
    ['ingredients', (found.ingredients ?? []).map(ingredient).join('\n')],
    ['problems', (found.problems ?? []).join('\n')],
  ];
}

/** @param {{ basis: string | null, recorded: string | null, photo: string | null }} found @returns {string} */
function consent(found) {
  const bases = (found.basis ?? '').split(', ').map((each) => t(`basis_${each}`, {}, each)).join(', ');
  return [bases, found.recorded && t('consent_given', { when: moment(found.recorded) }), found.photo && t('consent_for', { name: found.photo })].filter(Boolean).join(' · ');
}

/** Several lines with their numbers, one alone as it is. @param {string[]} lines */
function numbered(lines) {
  return lines.map((line, place) => (lines.length > 1 ? `${place + 1}. ${line}` : line)).join('\n');
}

/** @param {{ title: string, relationship: string, state: string }} found */
function ingredient(found) {
  return [found.title || t('nameless'), t(`relationship_${found.relationship}`, {}, found.relationship), t(`then_${found.state}`, {}, found.state)].filter(Boolean).join(' · ');
}

/** Translates where the badge is, or why it is off, piece by piece. @param {string | null} text */
function note(text) {
  return (text ?? '').split(', ').map((piece) => {
    const key = piece.replace(/^[\d.]+/, 'n');
    return t(`note_${key}`, { n: number(parseFloat(piece)) }, t(`choice_${key}`, {}, piece));
  }).join(', ');
}

/** @param {Record<string, any>} found @returns {Facts} */
function markFacts(found) {
  if (!('z' in found)) return [];
  return [
    ['mark_id', found.id],
    ['made_here', (found.made_here ?? []).map(output).join('\n')],
    ['evidence', t('evidence', { z: number(found.z) })],
    ['zoom', t('percent', { n: number(100 * found.scale) })],
    ['turn', t('degrees', { n: number(found.angle_deg) })],
    ['mirrored', t(found.mirrored ? 'yes' : 'no')],
  ];
}

/** @param {Record<string, any>} found @returns {Facts} */
function fingerprintFacts(found) {
  const alike = (/** @type {{ output: any, share: number, distance: number }} */ each) =>
    [output(each.output), t('alike', { share: number(100 * each.share), distance: each.distance })].join(' · ');
  return [['alike', (found.outputs ?? []).map(alike).join('\n')]];
}

/** @param {{ kind: string, title: string, made_at: string }} made */
function output(made) {
  return [made.title, t(`kind_${made.kind}`, {}, made.kind), moment(made.made_at)].join(' · ');
}

/** @param {string | null | undefined} stamp as `2026-02-28 09:30:00+00:00` @returns {string | null} in the person's own time */
function moment(stamp) {
  const at = new Date(stamp?.replace(' ', 'T') ?? '');
  if (Number.isNaN(at.getTime())) return null;
  return at.toLocaleString(currentLanguage(), { dateStyle: 'medium', timeStyle: 'long' });
}

/** @param {number} value */
function number(value) {
  return value.toLocaleString(currentLanguage(), { maximumFractionDigits: 2 });
}
