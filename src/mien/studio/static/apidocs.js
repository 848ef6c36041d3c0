/** The page about the API: /api/openapi.json, made readable. English only, like the description itself. */
import { byId, make } from './dom.js';

/** @typedef {Record<string, any>} Json */

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

class ApiPage {
  /** @param {Json} api */
  constructor(api) {
    this.schemas = api.components.schemas;
    for (const part of String(api.info.description).split('\n\n')) {
      const items = part.startsWith('- ') ? part.slice(2).split('\n- ') : [];
      const plain = (/** @type {string} */ text) => text.replaceAll('`', '').replace(/\s+/g, ' ');
      byId('about').append(items.length ? make('ul', {}, ...items.map((item) => make('li', {}, plain(item)))) : make('p', {}, plain(part)));
    }
    const rows = Object.entries(api.paths).flatMap(([path, operations]) => METHODS.filter((method) => operations[method]).map((method) => this.operation(path, method, operations[method])));
    const filter = byId('filter', HTMLInputElement);
    filter.addEventListener('input', () => this.filter(rows, filter.value.trim().toLowerCase()));
    for (const tag of new Set(rows.map((row) => row.tag))) byId('operations').append(make('section', {}, make('h2', {}, tag), ...rows.filter((row) => row.tag === tag).map((row) => row.element)));
    this.filter(rows, '');
  }

  /** @param {{ element: HTMLElement, words: string }[]} rows @param {string} wanted */
  filter(rows, wanted) {
    for (const row of rows) row.element.hidden = !row.words.includes(wanted);
    for (const section of byId('operations').children) /** @type {HTMLElement} */ (section).hidden = !section.querySelector('details:not([hidden])');
    byId('count').textContent = `${rows.filter((row) => !row.element.hidden).length} of ${rows.length} operations`;
  }

  /** @param {string} path @param {string} method @param {Json} operation */
  operation(path, method, operation) {
    const parts = [];
    const parameters = operation.parameters ?? [];
    if (parameters.length) parts.push(make('h3', {}, 'Parameters'), this.table(parameters.map((/** @type {Json} */ each) => [each.name + (each.required ? ' *' : ''), `${each.in}: ${this.type(each.schema)}`, each.description ?? ''])));
    for (const [kind, body] of Object.entries(operation.requestBody?.content ?? {})) parts.push(make('h3', {}, `Body (${kind})`), this.schema(body.schema));
    for (const [status, answer] of Object.entries(operation.responses)) parts.push(make('h3', {}, `Answer ${status}`), this.answer(answer));
    const element = make('details', {}, make('summary', {}, make('span', { className: 'method' }, method.toUpperCase()), make('code', {}, path), make('span', {}, operation.summary ?? '')), ...parts);
    return { tag: String(operation.tags?.[0] ?? 'other'), element, words: `${method} ${path} ${operation.summary ?? ''}`.toLowerCase() };
  }

  /** @param {Json} answer */
  answer(answer) {
    const kinds = Object.entries(answer.content ?? {});
    if (!kinds.length) return make('p', {}, 'No content.');
    return make('div', {}, ...kinds.map(([kind, body]) => (kind === 'application/json' ? this.schema(body.schema) : make('p', {}, kind))));
  }

  /** @param {Json} schema */
  schema(schema) {
    const whole = this.resolved(schema);
    const listed = whole.type === 'array' ? this.resolved(whole.items) : whole;
    const about = whole.type === 'array' ? `A list. ${listed.description ?? ''}` : listed.description ?? this.type(schema);
    const needed = listed.required ?? [];
    const rows = Object.entries(listed.properties ?? {}).map(([name, each]) => [name + (needed.includes(name) ? ' *' : ''), this.type(each), each.description ?? '']);
    return make('div', {}, make('p', {}, about), rows.length ? this.table(rows) : '');
  }

  /** @param {Json} [schema] @returns {Json} */
  resolved(schema = {}) {
    return schema.$ref ? this.schemas[schema.$ref.split('/').at(-1)] ?? {} : schema;
  }

  /** @param {Json} [schema] @returns {string} */
  type(schema = {}) {
    if (schema.$ref) return schema.$ref.split('/').at(-1);
    if (schema.enum) return schema.enum.map((/** @type {unknown} */ each) => JSON.stringify(each)).join(' | ');
    if (schema.const !== undefined) return JSON.stringify(schema.const);
    const several = schema.anyOf ?? schema.oneOf;
    if (several) return several.map((/** @type {Json} */ each) => this.type(each)).join(' | ');
    if (schema.type === 'array') return `list of ${this.type(schema.items)}`;
    return schema.format === 'binary' || schema.contentMediaType ? 'file' : schema.type ?? 'anything';
  }

  /** @param {string[][]} rows */
  table(rows) {
    return make('table', {}, make('tbody', {}, ...rows.map((row) => make('tr', {}, ...row.map((text, place) => make('td', {}, place === 2 ? text : make('code', {}, text)))))));
  }
}

const answer = await fetch('/api/openapi.json');
if (answer.ok) new ApiPage(await answer.json());
else byId('about').append(make('p', {}, 'Open this page from the studio: the address that mien live printed comes first.'));
