/** A short clip of a person from the camera, recorded in place, with instructions step by step. */
import { complain } from './api.js';
import { cameraError } from './browsercamera.js';
import { byId } from './dom.js';
import { loadLater, t } from './strings.js';

await loadLater();

const STEPS = ['clip_look', 'clip_smile', 'clip_aah', 'clip_lids', 'clip_brows', 'clip_left', 'clip_right'];
const STEP_MS = 2500;
const KINDS = ['video/webm;codecs=vp8', 'video/webm', 'video/mp4'];
const BITS_PER_SECOND = 8_000_000;

/**
 * Opens the dialog and records until the last step, or until the person ends it.
 * @returns {Promise<File | null>} null when the person goes back, or there is no camera
 */
export async function recordClip() {
  const kind = typeof MediaRecorder === 'undefined' ? undefined : KINDS.find((each) => MediaRecorder.isTypeSupported(each));
  if (!kind) {
    complain(new Error(t('clip_impossible')));
    return null;
  }
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1280 }, height: { ideal: 720 } } });
  } catch (error) {
    complain(cameraError(error));
    return null;
  }
  const video = byId('clip-video', HTMLVideoElement);
  video.srcObject = stream;
  try {
    return await recorded(stream, kind);
  } finally {
    stream.getTracks().forEach((track) => track.stop());
    video.srcObject = null;
  }
}

/** @param {MediaStream} stream @param {string} kind @returns {Promise<File | null>} */
async function recorded(stream, kind) {
  const dialog = byId('clip-dialog', HTMLDialogElement), prompt = byId('clip-prompt');
  const start = byId('clip-start', HTMLButtonElement), done = byId('clip-done', HTMLButtonElement);
  const recorder = new MediaRecorder(stream, { mimeType: kind, videoBitsPerSecond: BITS_PER_SECOND });
  /** @type {Blob[]} */
  const parts = [];
  recorder.addEventListener('dataavailable', (event) => parts.push(event.data));
  const stopped = new Promise((resolve) => recorder.addEventListener('stop', resolve, { once: true }));
  let step = -1, timer = 0;
  const next = () => {
    step += 1;
    if (step === STEPS.length) dialog.close('ok');
    else prompt.textContent = `${step + 1}/${STEPS.length} ${t(STEPS[step])}`;
  };
  [start.hidden, done.hidden, prompt.textContent] = [false, true, t('clip_hint')];
  start.onclick = () => {
    [start.hidden, done.hidden] = [true, false];
    recorder.start();
    next();
    timer = window.setInterval(next, STEP_MS);
  };
  dialog.returnValue = '';
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener('close', resolve, { once: true }));
  window.clearInterval(timer);
  if (recorder.state === 'inactive') return null;
  recorder.stop();
  await stopped;
  const plain = kind.split(';')[0];
  return dialog.returnValue === 'ok' ? new File(parts, `${t('clip_recorded')}.${plain.split('/')[1]}`, { type: plain }) : null;
}
