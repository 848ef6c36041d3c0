"""Sentences of a check. None of them judges: a test reads this table, too."""

SENTENCES = {
    "title": "Notes of a check",
    "preface": (
        "These notes list what was seen in a call from the other side. They hold no score, and no row says whether "
        "somebody is who they seem to be. Only the host sees them; nothing was sent."
    ),
    "kept-none": "No picture was kept.",
    "kept": "The seconds of the requests are kept in this page: the host said that the other person had agreed to it.",
    "source": "{source}, {width} x {height} pixels, looked at for {seconds} s, from {began}.",
    "told": "The host said that the other person had been told of the check.",
    "not-asked": "A file: nobody was there to be told.",
    "mark-seen": "The picture carries mien's mark, number {number}, seen in {seen} of {looks} looks, first after {first} s.",
    "mark-recent": "carries mien's mark, number {number}, seen in {seen} of the last {looks} s",
    "mark-no-id": "The picture carries mien's mark; the number in it could not be read.",
    "mark-none": "No mark of mien was seen. That says nothing: calls wash marks out, and other programs leave none.",
    "mark-flat": "The picture had no features to look at: a black or plain picture.",
    "mark-several": "Several numbers were read: {numbers}. Between them the picture came from several runs of mien.",
    "mark-meaning": (
        "The mark says that the picture went through mien. Its key is public: anybody can lay it on any picture. It says "
        "nothing about who is there."
    ),
    "chance": (
        "By chance fewer than one look in 10^7 shows a mark that is not there; a day of looks, one a second, is 86,400."
    ),
    "badge-seen": "The AI badge of mien was seen, {corner}, in {seen} of {looks} looks.",
    "badge-none": "mien's AI badge was not seen in a corner of the picture. That says nothing: a window may cover or cut it.",
    "limits": (
        "Blinking, smiling and looking aside on request pass through a live swap: a person drives it. What helps: a call "
        "back on a number that you had before, a question that only you two can answer, a second person, no payment on "
        "the strength of a call."
    ),
    "ask-hand": "Please move your {side} hand slowly across your face, from one side to the other, fingers spread.",
    "ask-profile": "Please turn your head all the way to your {side}, hold it for two seconds, and come back.",
    "ask-up": "Please look up at the ceiling with your chin raised, and come back.",
    "ask-cheek": "Please press a finger into your {side} cheek, and pull it a little.",
    "ask-blink": "Please close and open your eyes {count} times.",
    "ask-colours": "I am sharing my screen now; please look at it until it is grey again.",
    "asked": 'Asked {at} s after the beginning: "{words}"',
    "range-hand": "At the most {share} % of nose and mouth was covered, above what is usual there.",
    "range-cheek": "At the most {share} % of that cheek was covered, above what is usual there.",
    "range-profile": "The head turned by {degrees} degrees to that side.",
    "range-up": "The chin rose by {degrees} degrees.",
    "range-blink": "The eyes closed {count} times, one after the other; {asked} were asked for.",
    "range-colours": "The colour of the skin followed the screen with a correlation of {share} %.",
    "path": "It came in over {first} and was last seen over {last}.",
    "latency-read": "It began {seconds} s after the request had been read aloud; the delay of the call is in it.",
    "latency-shown": (
        "It began {seconds} s after the request was shown to the host; reading it and the delay of the call are in it."
    ),
    "latency-before": "It began before the request had been read to its end.",
    "away": "The face was out of sight for up to {seconds} s.",
    "presence": "The face was there in {share} % of {pictures} pictures.",
    "why-declined": "The request was declined. That is no sign: a tremor, a covering, a disability or a wish are reasons.",
    "why-ended": "The host ended it before its time.",
    "why-lost": "The source ended in the middle of it: {lost}",
    "why-stalled": "The picture stood still for over a second, in which it may have taken place.",
    "why-no-face": "The face was there in too few pictures.",
    "why-two-faces": "A second face was there: whose answer it is cannot be told.",
    "why-small": "The face is too small in the picture: ask the person to come closer.",
    "why-few-pictures": "Too few pictures came.",
    "why-no-usual": "The face was not seen before the request, so that nothing can be compared.",
    "why-other-side": (
        "The head turned by {other} degrees to the other side: a mirrored picture, or a misunderstanding. Ask again."
    ),
    "why-gone": "The face was out of sight after the turn had begun; how far it turned was not seen.",
    "why-bright": "The skin did not follow the screen. A bright room drowns it, so that nothing follows from that.",
    "means-hand": (
        "Programs that lay a face over the picture can paint over a hand, or cut around it. Look at the edges of the "
        "fingers; beauty filters and virtual backgrounds spoil them, too."
    ),
    "means-profile": (
        "Far from the front, laid-on faces fade, smear or stop. Look at the jaw, the ear and the moment of coming back."
    ),
    "means-up": "Look at the line of the jaw and the neck.",
    "means-cheek": "Skin gives way under a finger. No measurement tells it well: look at the slow repeat, or at the call.",
    "means-blink": "It shows that somebody reacts, not a recording. It passes through a live swap, which a person drives.",
    "means-colours": (
        "It shows that the face is lit by your screen, not a recording. It can pass through a live swap that keeps the light."
    ),
    "reference-like": (
        "The face resembles the one photo: distance {distance} in {looks} looks; photos of one person are under {near}, "
        "two people nearly always over {far}."
    ),
    "reference-unlike": (
        "The face does not resemble the one photo: distance {distance} in {looks} looks; photos of one person are under "
        "{near}, two people nearly always over {far}. Age, light, glasses and a bad camera add to it."
    ),
    "reference-between": (
        "The distance to the one photo is {distance} in {looks} looks, between photos of one person (under {near}) and "
        "two people (over {far})."
    ),
    "reference-word-seen": "The face resembles the one photo, as pictures of one person do.",
    "reference-word-not-seen": (
        "The face does not resemble the one photo. Age, light, glasses and a bad camera may be the reason, too."
    ),
    "reference-word-cannot-tell": (
        "The face is less like the one photo than pictures of one person are, and more than those of two people."
    ),
    "reference-word-basis": (
        "The host said that the other person had agreed to be compared with this photo. Of photo and faces nothing is "
        "stored but this word."
    ),
    "reference-few": "Only {looks} pictures showed the face alone, from the front, large and free: too few to compare.",
    "reference-swap": "A swap made from this photo, or from another photo of that person, would match, too.",
    "reference-basis": (
        "The host said that the other person had agreed to be compared with this photo. Of photo and faces nothing is "
        "stored but the distance."
    ),
    "words-right": (
        "The pair of words that the other side said was right: they have the secret. It says nothing about a face."
    ),
    "words-another-time": "The pair of words was one of another minute: a clock is wrong, or somebody repeats what was said.",
    "words-wrong": "The pair of words was wrong.",
    "words-failed": "The pair of words could not be compared: {reason}.",
    "words-none": "No pair of words was typed.",
    "list-call-back": "You called back on a number that you had before.",
    "list-question": "You asked something that only you two can answer, and the answer was right.",
    "list-second": "A second person has approved what was asked for.",
    "list-slow": "You pay nothing, and give no password and no access, on the strength of this call.",
    "list-yes": "{words} The host: yes.",
    "list-no": "{words} The host: no.",
    "list-open": "{words} The host gave no answer.",
    "list-said": "This is what the host said; nothing of it was measured.",
    "words-stopped": "Three wrong pairs: the words have stopped. Meet, and share them again.",
    "words-question": "say your pair: {pair}\nthe pair that {name} said (empty: none): ",
    "told-question": "Have you told the other person that you check this call?",
    "reference-question": "Has the person in {photo} agreed that this call is compared with it?",
    "hint": "Read it aloud, then press Enter. d Enter: they declined. q Enter: no more requests.",
    "hint-colours": (
        "Share the window of {page}, read this aloud, then click into the page and press Enter here at once. d Enter: "
        "they declined. q Enter: no more requests."
    ),
    "colours-page": (
        "One request shows colours: open {page} in a window of its own now, and share that window when it is asked for."
    ),
    "long-file": (
        "This recording has {hours} hours; mien verify --report samples it, and is done sooner. Ctrl-C ends the check."
    ),
    "repeat": (
        "The seconds of the requests at a quarter of their speed: the picture, and the face enlarged. Pause, and look at "
        "borders, fingers and the moment of coming back. Filters, lost packets and virtual backgrounds spoil them, too."
    ),
    "requests-none": "No request was made.",
    "lost": "The source ended early: {reason}",
    "mirror": "this is a picture of this installation of mien, number {number}: the check is no mirror for its own output",
    "mirror-remedy": "point the check at the picture of the other person; for your own files use mien verify",
}
"""Sentences by name."""


def phrase(sentence: str, /, **fields: object) -> str:
    """Return a sentence of the table with its fields filled."""
    return SENTENCES[sentence].format(**fields)
