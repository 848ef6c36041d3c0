/** One picture of a film at a time: first one that is there at once, then the exact one. */
import { byId } from './dom.js';
import { t } from './strings.js';
import { lineOf } from './troubles.js';

const AGAIN_MS = 400;
const OVERTAKEN = 409;

export class Shot {
  /** @param {string} id of the image @param {(trouble: string) => void} told at the end @param {() => void} [rough] while the exact picture is on its way */
  constructor(id, told, rough = () => {}) {
    this.image = byId(id, HTMLImageElement);
    this.told = told;
    this.rough = rough;
    this.isBusy = false;
    /** The exact picture that is wanted, and one like it that is there sooner. */
    this.wanted = '';
    this.sooner = '';
    /** The exact picture that is shown. */
    this.shown = '';
    /** Ends the wait for an exact picture. @type {AbortController | null} */
    this.waiting = null;
  }

  /** @param {string} path empty for no picture @param {string} [sooner] */
  want(path, sooner = '') {
    if (path !== this.wanted) this.waiting?.abort();
    [this.wanted, this.sooner] = [path, sooner];
    if (!path) this.clear();
    else if (!this.isBusy && path !== this.shown) void this.fetch();
  }

  /** Hides what belongs to another time, before that picture is asked for. @param {string} path */
  expect(path) {
    if (path !== this.wanted) this.waiting?.abort();
    [this.image.hidden, this.wanted] = [true, path];
  }

  clear() {
    this.shown = '';
    this.image.hidden = true;
    URL.revokeObjectURL(this.image.src);
    this.image.removeAttribute('src');
  }

  async fetch() {
    this.isBusy = true;
    const path = this.wanted;
    let trouble = '', isOvertaken = false;
    try {
      if (this.sooner) await this.fetchSooner(path, this.sooner);
      if (path === this.wanted && path !== this.shown) {
        this.waiting = new AbortController();
        const answer = await fetch(path, { signal: this.waiting.signal });
        if (answer.ok) await this.draw(await answer.blob(), path, true);
        else if (answer.status === OVERTAKEN) isOvertaken = true;
        else {
          const said = await answer.json();
          trouble = lineOf(said);
        }
      }
    } catch {
      // One that is not waited for any more has been ended by this page.
      trouble = t('no_connection');
    }
    this.waiting = null;
    if (isOvertaken) await new Promise((done) => setTimeout(done, AGAIN_MS));
    this.isBusy = false;
    if (path === this.wanted && !isOvertaken) this.told(trouble);
    else if (this.wanted && this.wanted !== this.shown) void this.fetch();
  }

  /** Shows a picture like the wanted one; what goes wrong with it will go wrong with that, too. @param {string} path @param {string} sooner */
  async fetchSooner(path, sooner) {
    const answer = await fetch(sooner);
    if (!answer.ok) return;
    const isExact = answer.headers.get('X-Exact') === '1';
    await this.draw(await answer.blob(), path, isExact);
    if (!isExact) this.rough();
  }

  /** A rough picture is shown on the way, an exact one in its place alone. @param {Blob} picture @param {string} path @param {boolean} isExact */
  async draw(picture, path, isExact) {
    const address = URL.createObjectURL(picture);
    const next = new Image();
    next.src = address;
    await next.decode().catch(() => {});
    if (!this.wanted || (isExact && path !== this.wanted)) return URL.revokeObjectURL(address);
    URL.revokeObjectURL(this.image.src);
    [this.image.src, this.image.hidden, this.shown] = [address, false, isExact ? path : ''];
  }
}
