/** Questions about a photo, each in a dialog of its own, and the photo that is taken here; loaded when the first one is asked. */
import { complain } from './api.js';
import { cameraError } from './browsercamera.js';
import { byId, make } from './dom.js';
import { t } from './strings.js';

/** @param {string} picture its address @param {string | undefined} number of the face, where the picture shows several @param {string[]} kinds of statements @returns {Promise<string>} empty when the person goes back */
export async function askConsent(picture, number, kinds) {
  const dialog = byId('consent-dialog', HTMLDialogElement);
  const choices = byId('consent-choices');
  byId('consent-photo', HTMLImageElement).src = picture;
  byId('consent-question').textContent = number ? t('consent_which', { n: number }) : t('consent_question');
  const confirm = byId('consent-confirm', HTMLButtonElement);
  confirm.disabled = true;
  choices.replaceChildren(...kinds.map((kind) => make('label', {},
    make('input', { type: 'radio', name: 'consent', value: kind, 'data-consent': kind, on: { change: () => (confirm.disabled = false) } }), t(`consent_${kind}`))));
  const answer = await asked(dialog);
  const chosen = /** @type {HTMLInputElement | null} */ (choices.querySelector(':checked'));
  return answer === 'ok' && chosen ? chosen.value : '';
}

/** @param {string} picture its address, empty without one @param {string} [number] of the face, where the picture shows several @returns {Promise<string>} 'true', or empty when the person goes back */
export async function askAdulthood(picture, number) {
  const stated = byId('adult-stated', HTMLInputElement), confirm = byId('adult-confirm', HTMLButtonElement);
  const shown = byId('adult-photo', HTMLImageElement);
  shown.src = picture;
  shown.hidden = picture === '';
  // A photo that is read here need not be one that this browser shows.
  shown.onerror = () => (shown.hidden = true);
  byId('adult-which').textContent = number ? t('consent_which', { n: number }) : '';
  stated.checked = false;
  confirm.disabled = true;
  stated.onchange = () => (confirm.disabled = !stated.checked);
  const answer = await asked(byId('adult-dialog', HTMLDialogElement));
  return answer === 'ok' && stated.checked ? 'true' : '';
}

/** @param {number} count @param {string} picture @returns {Promise<string>} empty when the person goes back */
export async function askWhich(count, picture) {
  const dialog = byId('which-dialog', HTMLDialogElement);
  byId('which-photo', HTMLImageElement).src = picture;
  byId('which-choices').replaceChildren(...Array.from({ length: count }, (_, index) =>
    make('button', { value: String(index + 1), 'data-number': String(index + 1) }, t('face_number', { n: index + 1 }))));
  return asked(dialog);
}

/** Takes a photo with the camera of this browser. @returns {Promise<Blob | null>} null when the person goes back, or there is no camera */
export async function takePhoto() {
  const video = byId('photo-video', HTMLVideoElement);
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1280 }, height: { ideal: 720 } } });
  } catch (error) {
    complain(cameraError(error));
    return null;
  }
  video.srcObject = stream;
  const answer = await asked(byId('photo-dialog', HTMLDialogElement));
  const canvas = make('canvas', { width: video.videoWidth, height: video.videoHeight });
  canvas.getContext('2d')?.drawImage(video, 0, 0);
  stream.getTracks().forEach((track) => track.stop());
  video.srcObject = null;
  return answer === 'ok' && canvas.width ? new Promise((done) => canvas.toBlob(done, 'image/jpeg', 0.95)) : null;
}

/** Tells whether a source is a clip, which an image element cannot show. @param {Blob} source */
export function isClip(source) {
  return source.type.startsWith('video/');
}

/** @param {HTMLDialogElement} dialog @returns {Promise<string>} the value of the button that closed it; empty for Escape */
function asked(dialog) {
  dialog.returnValue = '';
  dialog.showModal();
  return new Promise((done) => dialog.addEventListener('close', () => done(dialog.returnValue), { once: true }));
}
