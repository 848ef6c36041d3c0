/** Every word of the page, in every language. The names of settings and choices come from here too. */
import { remember, remembered } from './dom.js';

/** @type {Record<string, Record<string, string>>} */
const STRINGS = {
  en: {
    _name: 'English', skip: 'Skip to the picture', faces: 'Faces', controls: 'Controls', preview: 'The picture, with the face on',
    add_photo: 'Add a photo', take_photo: 'Take a photo', add_hint: 'Drop or paste a photo here: one face, from the front, sharp and well lit.',
    nobody: 'No face', remove: 'Remove', save: 'Keep after this session', saved: 'Kept on this machine', wear: 'Wear',
    add_more: 'Add another photo of the same person', photos: '{n} photos',
    compare: 'Hold to compare', compare_hint: 'Shows you as you are while held', split: 'Split', split_line: 'Place of the line between before and after',
    mirror: 'Mirror', fullscreen: 'Full screen', record: 'Record', stop_recording: 'Stop', live: 'live', help: 'Keys and help', theme: 'Light or dark', language: 'Language',
    input: 'Input', source: 'From', start: 'Start', stop: 'Stop', look: 'Look', outputs: 'Send it on', files: 'Pictures and videos', presets: 'Presets', more: 'More settings',
    none: 'Nothing', camera: 'Camera of this machine', browser: 'Camera of this browser', file: 'A file, looped', screen: 'Part of the screen', network: 'A network stream',
    device: 'Device', resolution_rate: 'Size', rate: 'Rate', pixel_format: 'Format', url: 'Address', path: 'File or folder', upload: 'Upload a file', left: 'Left', top: 'Top', width: 'Width', height: 'Height',
    no_cameras: 'No camera was found', no_screens: 'No screen was found', screen_number: 'Screen', sending: 'Sending {name} …', format_auto: 'automatic', format_mjpeg: 'MJPEG', format_yuyv: 'YUYV', recording_format: 'Recording', stream: 'Stream', stream_address: 'Address to stream to', virtual_camera: 'Virtual camera', send_to_camera: 'Start',
    any_camera: 'Virtual camera', no_virtual: 'No virtual camera yet: on Linux load v4l2loopback, on Windows and macOS install OBS. Or take “?clean” of this page as a browser source in OBS.',
    microphone: 'Sound from', no_sound: 'No sound', sound_delay: 'The picture is {ms} ms late: set this as the sync offset of your microphone in OBS.',
    choose_file: 'Choose a file', file_hint: 'Drop a picture or video: it is swapped with the chosen face.', preset_name: 'Name of the preset', keep: 'Keep', apply: 'Use', export: 'Export', import: 'Import',
    consent_title: 'May this face be used?', consent_question: 'The person in the photo:', consent_self: 'This is me', consent_permission: 'I have this person’s permission', consent_synthetic: 'Nobody: the face is synthetic', 'consent_public-domain': 'The photo is in the public domain',
    use_photo: 'Use this photo', cancel: 'Cancel', close: 'Close', shoot: 'Take it',
    consent_which: 'The person with number {n} in the photo:', consent_kept: 'Your answer is kept on this machine, so you are asked once for each photo. It goes into the signed credentials of what you make; the photo does not. `mien consent` lists your answers and takes them back.',
    verify: 'Check a file', verify_hint: 'Looks for three things, each on its own. They can tell who signed a file and what made it, not whether it shows what happened; finding none of them tells nothing. The file is not kept.', verify_drop: 'Drop or paste a picture or video here. Of files that cannot hold credentials, such as mkv, add the receipt (.c2pa).',
    receipt: 'Receipt', receipt_optional: 'Receipt (optional)', verifying: 'Looking into {name} …', verified: 'Found in {name}:', details: 'Details', yes: 'yes', no: 'no', percent: '{n} %', degrees: '{n}°', quoted: '“{words}”', nameless: 'no name',
    row_credentials: 'Signed credentials', row_mark: 'Invisible mark', row_fingerprint: 'Fingerprint',
    fact_where: 'Where', fact_signer: 'Signer', fact_signed_at: 'Signed, by a time stamp', fact_made_at: 'Made, says the signer', fact_title: 'Title', fact_generator: 'Made with', fact_label: 'Visible label', fact_consent: 'Said of the face', fact_consent_at: 'Said on', fact_actions: 'What was done', fact_source_types: 'Kind of source', fact_mark_id: 'Number of the mark', fact_ingredients: 'Made from', fact_problems: 'Codes of C2PA',
    fact_made_here: 'Made here with it', fact_evidence: 'Evidence', fact_zoom: 'Size of the pattern', fact_turn: 'Turned by', fact_mirrored: 'Mirrored', fact_alike: 'Looks like', evidence: '{z} standard deviations over chance', alike: '{share} % of the pictures that were compared, {distance} of 63 bits differ',
    where_embedded: 'in the file', where_sidecar: 'in the receipt', label_shown: 'shown', label_off: 'switched off', basis_self: '“This is me”', basis_permission: '“I have this person’s permission”', basis_synthetic: '“Nobody: the face is synthetic”', 'basis_public-domain': '“The photo is in the public domain”', basis_none: 'no face was worn',
    'action_c2pa.opened': 'opened', 'action_c2pa.created': 'created', 'action_c2pa.edited': 'edited', 'action_c2pa.watermarked.bound': 'marked', source_compositeWithTrainedAlgorithmicMedia: 'composite with trained algorithmic media', relationship_parentOf: 'this was changed', relationship_componentOf: 'part of it', relationship_inputTo: 'used for it',
    then_trusted: 'signed', 'then_unknown-signer': 'signed by somebody unknown', then_expired: 'signed with a certificate out of date', then_changed: 'changed after it was signed', then_damaged: 'its credentials were damaged', then_none: 'without credentials', kind_picture: 'picture', kind_video: 'video', kind_recording: 'recording', kind_live: 'live',
    recovered: 'was cut off in an earlier run', seal_signing: 'being signed', seal_signed: 'signed', seal_unsigned: 'not signed',
    which_title: 'Which face?', face_number: 'Face {n}', download: 'Download', dismiss: 'Remove',
    no_connection: 'The studio does not answer', no_connection_remedy: 'Is `mien live` still running? The page comes back by itself.', odd_answer: 'The answer makes no sense', session_over: 'This page belongs to an earlier run', session_over_remedy: 'Open the address that `mien live` printed.',
    choose_face: 'Choose a face', choose_face_text: 'Add a photo on the left. Until then nothing of you is shown.', choose_input: 'Choose an input', choose_input_text: 'Pick a camera on the right and press Start.',
    opening: 'Opening…', opening_text: 'Waiting for the first picture.', lost: 'The input is gone', covered_title: 'Nothing is shown', covered_text: 'Your face cannot be followed just now, so all of it stays hidden. Look into the camera.',
    status_none: 'No picture', status_swapped: 'You wear the face', status_covered: 'A face is covered: it cannot be followed', status_held: 'Held: your face cannot be followed', status_veiled: 'All is hidden', status_clear: 'Nobody in the picture', status_passed: 'Your own face is shown', status_refused: 'Refused by the content check', status_unchecked: 'The content check does not answer',
    refused_title: 'The content check refuses this picture', refused_text: 'It takes the picture for nudity, so everybody sees this card instead. The check can err. The picture comes back about ten seconds after it sees none any more.',
    unchecked_title: 'The content check does not answer', unchecked_text: 'Without it nothing is shown. If it stays so, start mien again.',
    failed: 'The input does not work', camera_taken: 'Another page sends its camera now', camera_taken_remedy: 'Press Start to send this one again.', camera_missing: 'This browser has no camera', camera_missing_remedy: 'Plug one in, or choose another input.', camera_busy: 'The camera is in use', camera_busy_remedy: 'Close the other program that has it.', camera_denied: 'The browser gives no camera', camera_denied_remedy: 'Allow the camera for this page, and use localhost or https.', photo_copied: 'pasted photo', photo_taken: 'photo',
    meter: '{fps} fps · {median} ms (95 %: {p95}) · screen {screen} ms · {dropped} dropped · CPU {cpu} % · {memory} MB', state_waiting: 'waiting', state_running: 'working', state_done: 'done', state_failed: 'failed', state_cancelled: 'cancelled', state_opening: 'starting', state_live: 'running', state_retrying: 'trying again', state_closed: 'finished', state_lost: 'gone', frames: '{n} frames',
    key_compare: 'Compare while held', key_split: 'Split before and after', key_mirror: 'Mirror the view', key_fullscreen: 'Full screen', key_record: 'Start or stop the recording', key_face: 'Wear the first, second … face; 0 = nobody', key_help: 'This help',
    on: 'on', off: 'off',
    set_engine: 'Engine', set_opacity: 'Strength', set_eyes: 'Eyes', set_gaze: 'Gaze', set_mouth: 'Mouth', set_shape: 'Shape', set_light: 'Light', set_occlusion: 'Things in front', set_grain: 'Grain', set_finish: 'Finishing net', set_sharpness: 'Sharpness', set_resolution: 'Resolution', set_on_lost: 'When lost', set_badge: 'Label on files', set_badge_style: 'Label style', set_badge_corner: 'Label', set_badge_size: 'Label size', set_faces: 'Most faces', set_detect_every: 'Look every', set_detect_size: 'Search size', set_detect_score: 'Search score', set_smoothing: 'Smoothing', set_codec: 'File codec', set_encoder: 'Encoder', set_quality: 'Quality',
    choice_shown: 'shown', choice_on: 'on', choice_off: 'off', choice_occlusion_files: 'in files', choice_occlusion_on: 'live, too', choice_occlusion_off: 'never', 'choice_off-film': 'off: a film', 'choice_off-satire': 'off: satire', 'choice_off-research': 'off: research', choice_dark: 'dark', choice_light: 'light', choice_letters: 'letters alone', 'choice_bottom-right': 'bottom right', 'choice_bottom-left': 'bottom left', 'choice_top-right': 'top right', 'choice_top-left': 'top left', choice_cover: 'cover', choice_hold: 'hold, then cover', choice_freeze: 'freeze', choice_pass: 'show me as I am', choice_source: 'the photo’s', choice_camera: 'into the camera', choice_target: 'mine', choice_blend: 'mine, the photo’s lids', choice_auto: 'automatic',
  },
  de: {
    _name: 'Deutsch', skip: 'Zum Bild springen', faces: 'Gesichter', controls: 'Steuerung', preview: 'Das Bild mit dem neuen Gesicht',
    add_photo: 'Foto hinzufügen', take_photo: 'Foto aufnehmen', add_hint: 'Foto hierher ziehen oder einfügen: ein Gesicht, von vorn, scharf und gut beleuchtet.',
    nobody: 'Kein Gesicht', remove: 'Entfernen', save: 'Über die Sitzung hinaus behalten', saved: 'Auf diesem Gerät behalten', wear: 'Tragen',
    add_more: 'Noch ein Foto derselben Person', photos: '{n} Fotos',
    compare: 'Halten zum Vergleich', compare_hint: 'Zeigt dich, wie du bist, solange gehalten', split: 'Teilen', split_line: 'Lage der Linie zwischen vorher und nachher',
    mirror: 'Spiegeln', fullscreen: 'Vollbild', record: 'Aufnehmen', stop_recording: 'Stopp', live: 'live', help: 'Tasten und Hilfe', theme: 'Hell oder dunkel', language: 'Sprache',
    input: 'Eingang', source: 'Von', start: 'Start', stop: 'Stopp', look: 'Aussehen', outputs: 'Weitergeben', files: 'Bilder und Videos', presets: 'Vorlagen', more: 'Weitere Einstellungen',
    none: 'Nichts', camera: 'Kamera dieses Rechners', browser: 'Kamera dieses Browsers', file: 'Eine Datei in Schleife', screen: 'Teil des Bildschirms', network: 'Ein Netzwerkstrom',
    device: 'Gerät', resolution_rate: 'Größe', rate: 'Bildrate', pixel_format: 'Format', url: 'Adresse', path: 'Datei oder Ordner', upload: 'Datei hochladen', left: 'Links', top: 'Oben', width: 'Breite', height: 'Höhe',
    no_cameras: 'Keine Kamera gefunden', no_screens: 'Kein Bildschirm gefunden', screen_number: 'Bildschirm', sending: '{name} wird übertragen …', format_auto: 'automatisch', recording_format: 'Aufnahme', stream: 'Senden', stream_address: 'Adresse des Empfängers', virtual_camera: 'Virtuelle Kamera', send_to_camera: 'Start',
    any_camera: 'Virtuelle Kamera', no_virtual: 'Noch keine virtuelle Kamera: unter Linux v4l2loopback laden, unter Windows und macOS OBS installieren. Oder „?clean“ dieser Seite als Browserquelle in OBS verwenden.',
    microphone: 'Ton von', no_sound: 'Kein Ton', sound_delay: 'Das Bild kommt {ms} ms später: in OBS als Sync-Versatz des Mikrofons eintragen.',
    choose_file: 'Datei wählen', file_hint: 'Bild oder Video hierher ziehen: es bekommt das gewählte Gesicht.', preset_name: 'Name der Vorlage', keep: 'Merken', apply: 'Anwenden', export: 'Exportieren', import: 'Importieren',
    consent_title: 'Darf dieses Gesicht verwendet werden?', consent_question: 'Die Person auf dem Foto:', consent_self: 'Das bin ich', consent_permission: 'Ich habe die Erlaubnis dieser Person', consent_synthetic: 'Niemand: das Gesicht ist künstlich', 'consent_public-domain': 'Das Foto ist gemeinfrei',
    use_photo: 'Foto verwenden', cancel: 'Abbrechen', close: 'Schließen', shoot: 'Aufnehmen',
    consent_which: 'Die Person mit der Nummer {n} auf dem Foto:', consent_kept: 'Die Antwort bleibt auf diesem Rechner, deshalb wird für jedes Foto nur einmal gefragt. Sie steht in den signierten Herkunftsangaben dessen, was du machst; das Foto nicht. `mien consent` zeigt die Antworten und nimmt sie zurück.',
    terms: 'Trage nur Gesichter, die du verwenden darfst: dein eigenes, solche mit Erlaubnis der Person, künstliche oder gemeinfreie.\nNicht für Betrug oder Vortäuschung einer Person, nicht um eine Identitäts- oder Lebendprüfung zu bestehen, keine sexuellen Bilder, keine Minderjährigen.\nZeichen, Markierungen und Herkunftsangaben bleiben an dem, was du weitergibst.',
    verify: 'Datei prüfen', verify_hint: 'Sucht nach dreierlei, jedes für sich. Es kann sagen, wer eine Datei signiert und womit sie gemacht wurde, nicht, ob sie zeigt, was geschehen ist; findet sich nichts davon, sagt das nichts. Die Datei wird nicht behalten.', verify_drop: 'Bild oder Video hierher ziehen oder einfügen. Bei Dateien, die keine Herkunftsangaben fassen, etwa mkv, die Quittung (.c2pa) dazugeben.',
    receipt: 'Quittung', receipt_optional: 'Quittung (wenn vorhanden)', verifying: '{name} wird geprüft …', verified: 'In {name} gefunden:', details: 'Einzelheiten', yes: 'ja', no: 'nein', quoted: '„{words}“', nameless: 'kein Name',
    row_credentials: 'Signierte Herkunftsangaben', row_mark: 'Unsichtbare Markierung', row_fingerprint: 'Fingerabdruck',
    found_credentials_trusted: 'Signiert von {signer}, jemandem, den dieser Rechner kennt, und seither unverändert.', 'found_credentials_unknown-signer': 'Signiert von jemandem, den dieser Rechner nicht kennt (angegebener Name: {signer}), und seither unverändert.', found_credentials_expired: 'Signiert mit einem abgelaufenen oder zurückgezogenen Zertifikat (angegebener Name: {signer}); seither unverändert.',
    found_credentials_changed: 'Nach dem Signieren verändert.', found_credentials_other: 'Die Quittung gehört nicht zu dieser Datei, oder die Datei wurde nach dem Signieren verändert.', found_credentials_damaged: 'Die Herkunftsangaben oder die Datei um sie herum sind beschädigt und sagen nichts.', found_credentials_none: 'Keine Herkunftsangaben. Das sagt nichts über die Datei.', found_credentials_elsewhere: 'Keine Herkunftsangaben in der Datei; sie nennt einen Ort im Netz, wo welche liegen können. Dort wurde nicht nachgesehen.',
    found_mark_found: 'Trägt die Markierung von mien, Nummer {id}. Das Verzeichnis dieses Rechners kennt diese Nummer nicht.', found_mark_here: 'Trägt die Markierung von mien, Nummer {id}. Dieser Rechner hat mit dieser Nummer {title} gemacht, am {when}.', 'found_mark_no-id': 'Trägt die Markierung von mien; die Nummer darin lässt sich nicht sicher lesen.', found_mark_none: 'Keine Markierung von mien gefunden. Das sagt nichts: Markierungen gehen verloren, und andere hinterlassen keine.', found_mark_unreadable: 'Die Bilder der Datei lassen sich nicht lesen.',
    found_fingerprint_alike: 'Sieht aus wie {title}, auf diesem Rechner gemacht am {when}; woraus das gemacht wurde, sieht fast genauso aus.', found_fingerprint_none: 'Sieht nach nichts aus, was auf diesem Rechner gemacht wurde.', 'found_fingerprint_no-ledger': 'Auf diesem Rechner gibt es kein Verzeichnis, mit dem sich vergleichen ließe.', found_fingerprint_unreadable: 'Die Bilder der Datei lassen sich nicht lesen.',
    'trouble_verifier-busy': 'Es werden schon zwei Dateien geprüft – danach noch einmal versuchen.', 'trouble_media-error': '{name} lässt sich nicht öffnen oder nicht in annehmbarer Zeit lesen.', 'trouble_unreadable-media': '{name} lässt sich nicht lesen – vielleicht ist die Datei beschädigt.',
    fact_where: 'Wo', fact_signer: 'Unterzeichner', fact_signed_at: 'Signiert, laut Zeitstempel', fact_made_at: 'Gemacht, laut Unterzeichner', fact_title: 'Titel', fact_generator: 'Gemacht mit', fact_label: 'Sichtbares Zeichen', fact_consent: 'Zum Gesicht gesagt', fact_consent_at: 'Gesagt am', fact_actions: 'Was getan wurde', fact_source_types: 'Art der Quelle', fact_mark_id: 'Nummer der Markierung', fact_ingredients: 'Gemacht aus', fact_problems: 'C2PA-Codes',
    fact_made_here: 'Hier damit gemacht', fact_evidence: 'Beleg', fact_zoom: 'Größe des Musters', fact_turn: 'Gedreht um', fact_mirrored: 'Gespiegelt', fact_alike: 'Sieht aus wie', evidence: '{z} Standardabweichungen über dem Zufall', alike: '{share} % der verglichenen Bilder, {distance} von 63 Bits verschieden',
    where_embedded: 'in der Datei', where_sidecar: 'in der Quittung', label_shown: 'gezeigt', label_off: 'abgeschaltet', basis_self: '„Das bin ich“', basis_permission: '„Ich habe die Erlaubnis dieser Person“', basis_synthetic: '„Niemand: das Gesicht ist künstlich“', 'basis_public-domain': '„Das Foto ist gemeinfrei“', basis_none: 'kein Gesicht wurde getragen',
    'action_c2pa.opened': 'geöffnet', 'action_c2pa.created': 'neu gemacht', 'action_c2pa.edited': 'bearbeitet', 'action_c2pa.watermarked.bound': 'markiert', source_compositeWithTrainedAlgorithmicMedia: 'zusammengesetzt mit KI-erzeugten Teilen', relationship_parentOf: 'das wurde verändert', relationship_componentOf: 'ein Teil davon', relationship_inputTo: 'dafür verwendet',
    then_trusted: 'signiert', 'then_unknown-signer': 'von einem Unbekannten signiert', then_expired: 'mit abgelaufenem Zertifikat signiert', then_changed: 'nach dem Signieren verändert', then_damaged: 'mit beschädigten Herkunftsangaben', then_none: 'ohne Herkunftsangaben', kind_picture: 'Bild', kind_video: 'Video', kind_recording: 'Aufnahme', kind_live: 'live',
    'note_n of the shorter side': '{n} der kürzeren Seite', 'note_switched off for film': 'für einen Film', 'note_switched off for satire': 'für Satire', 'note_switched off for research': 'für Forschung',
    recovered: 'in einem früheren Lauf abgebrochen', seal_signing: 'wird signiert', seal_signed: 'signiert', seal_unsigned: 'nicht signiert',
    which_title: 'Welches Gesicht?', face_number: 'Gesicht {n}', download: 'Herunterladen', dismiss: 'Entfernen',
    no_connection: 'Das Studio antwortet nicht', no_connection_remedy: 'Läuft `mien live` noch? Die Seite verbindet sich von selbst.', odd_answer: 'Die Antwort ergibt keinen Sinn', session_over: 'Diese Seite gehört zu einem früheren Lauf', session_over_remedy: 'Die Adresse öffnen, die `mien live` ausgegeben hat.',
    choose_face: 'Ein Gesicht wählen', choose_face_text: 'Links ein Foto hinzufügen. Bis dahin wird nichts von dir gezeigt.', choose_input: 'Einen Eingang wählen', choose_input_text: 'Rechts eine Kamera wählen und Start drücken.',
    opening: 'Wird geöffnet …', opening_text: 'Warten auf das erste Bild.', lost: 'Der Eingang ist weg', covered_title: 'Nichts wird gezeigt', covered_text: 'Deinem Gesicht kann gerade nicht gefolgt werden, deshalb bleibt alles verdeckt. Schau in die Kamera.',
    status_none: 'Kein Bild', status_swapped: 'Du trägst das Gesicht', status_covered: 'Ein Gesicht ist verdeckt: ihm kann nicht gefolgt werden', status_held: 'Gehalten: dem Gesicht kann nicht gefolgt werden', status_veiled: 'Alles ist verdeckt', status_clear: 'Niemand im Bild', status_passed: 'Dein eigenes Gesicht ist zu sehen', status_refused: 'Von der Inhaltsprüfung abgelehnt', status_unchecked: 'Die Inhaltsprüfung antwortet nicht',
    refused_title: 'Die Inhaltsprüfung lehnt dieses Bild ab', refused_text: 'Sie hält das Bild für Nacktheit, deshalb sehen alle stattdessen diese Karte. Die Prüfung kann irren. Das Bild kommt etwa zehn Sekunden, nachdem sie keine mehr sieht, zurück.',
    unchecked_title: 'Die Inhaltsprüfung antwortet nicht', unchecked_text: 'Ohne sie wird nichts gezeigt. Bleibt es so, starte mien neu.',
    failed: 'Der Eingang geht nicht', camera_taken: 'Eine andere Seite sendet jetzt ihre Kamera', camera_taken_remedy: 'Mit Start sendet wieder diese.', camera_missing: 'Dieser Browser hat keine Kamera', camera_missing_remedy: 'Eine anschließen oder einen anderen Eingang wählen.', camera_busy: 'Die Kamera ist belegt', camera_busy_remedy: 'Das andere Programm schließen, das sie hat.', camera_denied: 'Der Browser gibt keine Kamera', camera_denied_remedy: 'Die Kamera für diese Seite erlauben, und localhost oder https verwenden.', photo_copied: 'eingefügtes Foto', photo_taken: 'Foto',
    meter: '{fps} B/s · {median} ms (95 %: {p95}) · Schirm {screen} ms · {dropped} verworfen · CPU {cpu} % · {memory} MB', state_waiting: 'wartet', state_running: 'arbeitet', state_done: 'fertig', state_failed: 'gescheitert', state_cancelled: 'abgebrochen', state_opening: 'startet', state_live: 'läuft', state_retrying: 'neuer Versuch', state_closed: 'beendet', state_lost: 'weg', frames: '{n} Bilder',
    key_compare: 'Vergleichen, solange gehalten', key_split: 'Vorher und nachher teilen', key_mirror: 'Ansicht spiegeln', key_fullscreen: 'Vollbild', key_record: 'Aufnahme starten oder beenden', key_face: 'Das erste, zweite … Gesicht tragen; 0 = keines', key_help: 'Diese Hilfe',
    on: 'an', off: 'aus',
    set_engine: 'Verfahren', set_opacity: 'Stärke', set_eyes: 'Augen', set_gaze: 'Blick', set_mouth: 'Mund', set_shape: 'Form', set_light: 'Licht', set_occlusion: 'Davor', set_grain: 'Körnung', set_finish: 'Feinschliff', set_sharpness: 'Schärfe', set_resolution: 'Auflösung', set_on_lost: 'Bei Verlust', set_badge: 'Zeichen auf Dateien', set_badge_style: 'Zeichenstil', set_badge_corner: 'Zeichen', set_badge_size: 'Zeichengröße', set_faces: 'Meiste Gesichter', set_detect_every: 'Suche alle', set_detect_size: 'Suchgröße', set_detect_score: 'Suchschwelle', set_smoothing: 'Glättung', set_codec: 'Dateicodec', set_encoder: 'Kodierer', set_quality: 'Qualität',
    choice_shown: 'gezeigt', choice_on: 'an', choice_off: 'aus', choice_occlusion_files: 'in Dateien', choice_occlusion_on: 'auch live', choice_occlusion_off: 'nie', 'choice_off-film': 'aus: Film', 'choice_off-satire': 'aus: Satire', 'choice_off-research': 'aus: Forschung', choice_dark: 'dunkel', choice_light: 'hell', choice_letters: 'nur Buchstaben', 'choice_bottom-right': 'unten rechts', 'choice_bottom-left': 'unten links', 'choice_top-right': 'oben rechts', 'choice_top-left': 'oben links', choice_cover: 'verdecken', choice_hold: 'halten, dann verdecken', choice_freeze: 'einfrieren', choice_pass: 'mich zeigen, wie ich bin', choice_source: 'vom Foto', choice_camera: 'in die Kamera', choice_gaze_target: 'meiner', choice_target: 'meine', choice_mouth_target: 'meiner', choice_blend: 'meine, Lider vom Foto', choice_auto: 'automatisch', choice_software: 'Prozessor', choice_hardware: 'Hardware',
    help_engine: 'was das Gesicht tauscht', help_opacity: 'wie viel vom neuen Gesicht zu sehen ist', help_eyes: 'wessen Augen zu sehen sind', help_gaze: 'wohin die Augen des Fotos sehen', help_mouth: 'wessen Mundinneres (Zähne, Zunge) zu sehen ist; vom Foto nur, wenn es Zähne zeigt',
    help_shape: 'wie weit das Gesicht die Proportionen der Vorlage annimmt, 0 bis 1',
    help_light: 'wie weit das neue Gesicht Licht und Ton des Bildes annimmt', help_grain: 'wie viel vom Rauschen des Bildes das neue Gesicht bekommt', help_finish: 'ein kleines Netz gleicht Licht und Farbe des neuen Gesichts dem Bild an', help_occlusion: 'ob Hände und Dinge vor dem neuen Gesicht bleiben: in Dateien, auch live (wo eine Hand weggeht, kann kurz die eigene Haut zu sehen sein) oder nie', help_sharpness: 'wie sehr feine Einzelheiten des neuen Gesichts gehoben werden', help_resolution: 'die meisten Bildpunkte quer über ein Gesicht, die im Video berechnet werden',
    help_on_lost: 'was zu sehen ist, wo ein Gesicht sein kann, das nicht getauscht ist', help_badge: 'das KI-Zeichen auf Bildern und Videos, die als Dateien getauscht werden; live bleibt es immer. Abgeschaltet wird es mit einem Grund, der in den signierten Herkunftsangaben steht', help_badge_style: 'wie das KI-Zeichen aussieht', help_badge_corner: 'wo das KI-Zeichen steht', help_badge_size: 'Höhe des KI-Zeichens, als Anteil der kürzeren Seite', help_faces: 'so viele Gesichter werden höchstens verfolgt, die größten zuerst',
    help_detect_every: 'Bilder zwischen zwei Suchen nach neuen Gesichtern', help_detect_size: 'längere Seite des Bildes, in dem gesucht wird, in Bildpunkten', help_detect_score: 'wie sicher ein neues Gesicht sein muss', help_smoothing: 'gegen Zittern eines ruhenden Gesichts, 0 = aus',
    help_codec: 'Videocodec der Dateien', help_encoder: 'wer kodiert', help_quality: 'Güte der Dateien, 1 (klein) bis 100 (am besten); Videos mindestens 50, des Zeichens wegen',
  },
};

const usual = navigator.language.slice(0, 2) in STRINGS ? navigator.language.slice(0, 2) : 'en';
let language = String(remembered('language', usual));
if (!(language in STRINGS)) language = 'en';

/** @param {string} key @param {Record<string, any>} [values] put where {name} stands @param {string} [otherwise] @returns {string} */
export function t(key, values = {}, otherwise) {
  const text = STRINGS[language]?.[key] ?? STRINGS.en?.[key] ?? otherwise ?? key.replace(/^(set|choice|state|consent)_/, '');
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? '–'));
}

/** @returns {[string, string][]} codes and names */
export function languages() {
  return Object.entries(STRINGS).map(([code, words]) => [code, words._name ?? code]);
}

export function currentLanguage() {
  return language;
}

/** @param {string} code */
export function chooseLanguage(code) {
  language = code;
  remember('language', code);
  translatePage();
}

/** Puts the words into everything that says with data-t or data-t-label which ones it needs. */
export function translatePage() {
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll('[data-t]')) element.textContent = t(element.getAttribute('data-t') ?? '');
  for (const element of document.querySelectorAll('[data-t-label]')) {
    const words = t(element.getAttribute('data-t-label') ?? '');
    element.setAttribute('aria-label', words);
    if (element instanceof HTMLButtonElement) element.title = words;
    if (element instanceof HTMLInputElement && !element.placeholder) element.placeholder = words;
  }
}
