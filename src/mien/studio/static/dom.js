/** Small helpers for the document. */

/**
 * The element of this id; a missing one is a mistake in index.html.
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} [kind]
 * @returns {T}
 */
export function byId(id, kind) {
  const found = document.getElementById(id);
  if (!found || (kind && !(found instanceof kind))) throw new Error(`the page has no ${id}`);
  return /** @type {T} */ (found);
}

/**
 * A new element with properties and children.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, any>} [given] properties; names with a dash become attributes, `on` holds listeners
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, given = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (name === 'on') for (const [event, listener] of Object.entries(value)) made.addEventListener(event, listener);
    else if (name.includes('-') || name === 'role') made.setAttribute(name, String(value));
    else /** @type {any} */ (made)[name] = value;
  }
  made.append(...children);
  return made;
}

/**
 * Brings the children of a list in line with items, keeping elements (and the focus in them) where they are.
 * @template T
 * @param {HTMLElement} list
 * @param {T[]} items
 * @param {(item: T) => string} keyOf
 * @param {(item: T) => HTMLElement} build
 * @param {(element: HTMLElement, item: T) => void} update
 */
export function reconcile(list, items, keyOf, build, update) {
  const known = new Map([...list.children].map((child) => [/** @type {HTMLElement} */ (child).dataset.key, child]));
  const wanted = items.map((item) => {
    const key = keyOf(item);
    const element = /** @type {HTMLElement} */ (known.get(key) ?? build(item));
    element.dataset.key = key;
    known.delete(key);
    update(element, item);
    return element;
  });
  for (const left of known.values()) left.remove();
  wanted.forEach((element, place) => {
    if (list.children[place] !== element) list.insertBefore(element, list.children[place] ?? null);
  });
}

/** A sentence with a capital first, unless it begins with the name of a file. @param {string} words */
export function sentence(words) {
  return /^[a-zäöüéèàçñ]+[ ,:]/.test(words) ? `${words[0]?.toUpperCase()}${words.slice(1)}` : words;
}

/** Changes the text of an element only when it differs, so that a live region does not repeat it. @param {string} id @param {string} words */
export function say(id, words) {
  const element = byId(id);
  if (element.textContent !== words) element.textContent = words;
}

/**
 * Puts choices into a select and leaves it alone when they are the same: an open list stays open, the choice stays.
 * @param {HTMLSelectElement} select @param {[string, string][]} choices values and words @param {string} [chosen]
 */
export function offer(select, choices, chosen = select.value) {
  const offered = JSON.stringify(choices);
  if (select.dataset.offered !== offered) {
    select.dataset.offered = offered;
    select.replaceChildren(...choices.map(([value, words]) => make('option', { value }, words)));
  } else if (select.value === chosen) return;
  select.value = chosen;
  if (select.selectedIndex < 0) select.selectedIndex = 0;
}

/** @param {string} key @param {any} fallback what was remembered in this browser @param {boolean} [here] by this tab alone */
export function remembered(key, fallback, here = false) {
  try {
    return JSON.parse((here ? sessionStorage : localStorage).getItem(`mien.${key}`) ?? 'null') ?? fallback;
  } catch {
    return fallback;
  }
}

/** @param {string} key @param {any} value @param {boolean} [here] for this tab alone */
export function remember(key, value, here = false) {
  try {
    (here ? sessionStorage : localStorage).setItem(`mien.${key}`, JSON.stringify(value));
  } catch {
    // A browser that keeps nothing is no reason to fail.
  }
}
