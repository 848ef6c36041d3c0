/** The empty stage: three steps that tick, or what is wrong and what can be done about it. */
import { byId, say, sentence } from './dom.js';
import { troubleOf } from './inputs.js';
import { t } from './strings.js';
/** @typedef {import('./types').State} State @typedef {import('./types').Metrics} Metrics @typedef {import('./inputs.js').Inputs} Inputs */

export class Steps {
  /** @param {Inputs} inputs @param {() => void} wearStandIn */
  constructor(inputs, wearStandIn) {
    this.inputs = inputs;
    /** @type {() => void} */
    this.act = () => {};
    byId('empty-act').addEventListener('click', () => this.act());
    byId('step-go').addEventListener('click', () => void inputs.apply());
    byId('step-stand-in').addEventListener('click', wearStandIn);
    const kind = byId('step-kind', HTMLSelectElement);
    kind.addEventListener('change', () => inputs.chooseKind(kind.value));
  }

  /** @param {State} state @param {Metrics | undefined} metrics @param {boolean} isCast @param {string} why a face is hidden */
  show(state, metrics, isCast, why) {
    const shown = metrics?.shown ?? 'none', n = state.settings.faces;
    const isCrowded = Boolean(metrics?.crowded) && ['covered', 'veiled', 'held'].includes(shown);
    const { input } = state;
    const again = /** @type {[string, () => void]} */ ([t('try_again'), () => void this.inputs.apply()]);
    if (this.inputs.trouble) this.explain(this.inputs.trouble.message, this.inputs.trouble.remedy, again);
    else if (input.kind === 'none') this.showSteps(state);
    else if (input.kind === 'browser' && !state.browser_camera && !this.inputs.camera?.isRunning) this.explain(t('browser_silent'), t('browser_silent_remedy'), [t('use_this_camera'), () => this.inputs.useBrowser()]);
    else if (input.state === 'lost') this.explain(t('lost'), troubleOf(input));
    else if (input.state !== 'live') this.explain(t('opening'), t('opening_text'));
    else if (state.covered) this.explain(t('covered_asked'), t('covered_asked_text'), undefined, false, true);
    else if (shown === 'refused' || shown === 'unchecked') this.explain(t(`${shown}_title`), t(`${shown}_text`), undefined, false, true);
    else if (!state.face && !isCast && shown !== 'passed') this.explain(t('choose_face'), t('choose_face_text'), undefined, false, true);
    else if (shown === 'veiled') this.explain(t('covered_title'), isCrowded ? t('crowd_text', { n, faces: t('set_faces'), more: t('expert') }) : t(`help_${why}`, {}, t(`why_${why}`)), undefined, false, true);
    else if (shown === 'none') this.explain(t(why === 'silent' ? 'status_none' : 'opening'), t(`help_${why}`, {}, t(`why_${why}`)));
    else this.explain('', '');
  }

  /** @param {State} state */
  showSteps(state) {
    this.explain(t('steps_title'), t('steps_text'), undefined, true);
    const kind = byId('step-kind', HTMLSelectElement);
    if (kind.options.length !== this.inputs.kind.options.length || kind.options[0]?.text !== this.inputs.kind.options[0]?.text)
      kind.replaceChildren(...[...this.inputs.kind.options].filter((each) => each.value !== 'none').map((each) => new Option(each.text, each.value)));
    kind.value = this.inputs.kind.value === 'none' ? 'browser' : this.inputs.kind.value;
    const done = { photo: Boolean(state.face), camera: this.inputs.isReady, start: false };
    for (const [step, isDone] of Object.entries(done)) {
      byId(`step-${step}`).classList.toggle('done', isDone);
      byId(`step-${step}`).setAttribute('aria-current', String(!isDone && (step !== 'start' || (done.photo && done.camera))));
    }
  }

  /** Shows a text over the picture; an empty one removes it. @param {string} title @param {string} text @param {[string, () => void]} [act] @param {boolean} [withSteps] @param {boolean} [isLive] */
  explain(title, text, act, withSteps = false, isLive = false) {
    byId('empty').hidden = !title;
    // Behind other words there is a picture, which tells where the face is.
    byId('empty').classList.toggle('solid', !isLive);
    byId('steps').hidden = !withSteps;
    say('empty-title', title);
    say('empty-text', sentence(text));
    byId('empty-act').hidden = !act;
    if (act) {
      say('empty-act', act[0]);
      this.act = act[1];
    }
  }
}
