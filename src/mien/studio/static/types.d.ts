/** The server's answers, with the same names. */
export interface Row { name: string; default: unknown; help: string; group: string; low: number | null; high: number | null; choices: string[]; kind: 'bool' | 'int' | 'float' | 'str' }
export interface Told { text: string; key: string; values: Record<string, any> }
export interface Face { id: string; name: string; consent: string; saved: boolean; photos: number; warnings: Told[]; score: number | null }
export interface Input { kind: string; spec: Record<string, any>; state: string; message: string; remedy: string; code: string; width: number; height: number }
export interface Output { id: string; kind: string; target: string; state: string; message: string; remedy: string; code: string; frames: number; seconds: number; seal: string; recovered: boolean; result: boolean; receipt: boolean }
export interface Job {
  id: string; name: string; kind: string; state: string; doing: string; frames: number; total: number | null; message: string; remedy: string; code: string; picture: boolean; receipt: boolean;
  stopping: boolean; people: boolean; notes: Told[];
}
export interface People { reach: string; others: string; enrolled: boolean; enrolling: number | null; given: { number: number; face: string | null }[] }
export interface SeenFace { number: number; fate: string; place: [number, number, number, number] }
export interface FilmRow { id: string; job: string | null; name: string; state: string; message: string; remedy: string; code: string; frames: number; total: number | null; picture: boolean; people: number; revision: number }
export interface FilmCard {
  key: number; number: number; name: string; wears: string | null; views: number; best_s: number; seconds: number; share: number; height: number; times: [number, number][];
  merged: { key: number; number: number }[]; not_in: [number, number][];
}
export interface Film extends FilmRow {
  seconds: number | null; step_s: number; notes: Told[]; others: string; start_s: number | null; end_s: number | null; unknown: [number, number][]; beyond: number; cards: FilmCard[];
}
export interface State {
  version: string; run: string; revision: number; covered: boolean; shared: boolean; settings: Record<string, any>; table: Row[]; consents: string[]; terms: string; faces: Face[]; stand_ins: Face[]; face: string | null; people: People;
  input: Input; sound: { device: string | null; state: string; message: string; code: string }; outputs: Output[]; presets: Record<string, Record<string, any>>; jobs: Job[]; films: FilmRow[];
  browser_camera: string | null; content: { state: string; message: string; remedy: string };
  trouble: { message: string; remedy: string } | null;
  models: { state: string; wanted: [string, any][]; message: string; remedy: string; notes: Told[] };
}
export interface Finding { state: string; words: string; details: Record<string, any> }
export interface Report { file: string; credentials: Finding; mark: Finding; fingerprint: Finding }
export interface Metrics {
  fps: number; capture_fps: number; frames: number; dropped: number; latency_ms: { median: number | null; p95: number | null };
  stages_ms: Record<string, number>; cpu_percent: number; memory_mb: number; shown: string; why: string; crowded: boolean; sound_delay_ms: number | null;
}
export interface Devices {
  cameras: { id: string; name: string; modes: { width: number; height: number; rates: number[]; pixel_format: string }[] }[];
  microphones: { id: string; name: string }[]; screens: { id: string; name: string; width: number | null; height: number | null }[];
  virtual_cameras: { id: string; name: string }[];
}
export interface Consent { id: string; statement: string; photo: string; given_at: string; adult_at: string | null; revoked_at: string | null }
export interface Token { id: string; name: string; scope: string; made_at: string }
export interface Model {
  id: string; role: string; bundled: boolean; bytes: number; licence: string; terms: string; credit: string; origin: string; state: string; note: string; way: string; missing: string[];
}
export interface ModelList { models: Model[]; changes: boolean; pulling: { id: string; doing: string; done: number; total: number | null; message: string; remedy: string; code: string } | null }
export interface Drawn { sequence: number; capture: number; drawn: number }
declare global {
  interface Window {
    mien: { shown: number; latency: { median: number; p95: number; count: number }; onframe?: (drawn: Drawn) => void };
    MediaStreamTrackProcessor?: any;
  }
}
export type Seen = 'seen' | 'not seen' | 'cannot tell'
export interface CheckAnswer { kind: string; side: string; count: number; seen: Seen; reason: string; has_film: boolean }
export interface CheckState {
  phase: 'none' | 'opening' | 'watching' | 'ended' | 'failed'; source: string | null; live: boolean | null; looks: number; seconds: number | null; lost: string | null
  mark: Seen | null; badge: Seen | null; request: { phase: string; kind: string; side: string; count: number } | null; answers: CheckAnswer[]; said: Record<string, boolean | null>
  photo: string; compared?: { seen: Seen; reason: '' | 'few' | 'between' } | null
  error: { error: string; remedy: string; code: string; key: string; values: Record<string, any> } | null
}
export interface SharedPair { name: string; pair: string }
