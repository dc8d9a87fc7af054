/**
 * Notes on one request: what each plugin decided about it and why, for `explain`, the debug header and the list of recent
 * requests. They ride on the object that stands for the client's request and go with it.
 */

/** Most notes on one request; what comes after is not kept. */
export const MAX_NOTES = 24

/** A decision with its reason and the numbers it was made from; numbers and words only, nothing from a head or a body. */
export interface Note {
  /** Who decided: `cache`, `admission`, `retry`, `compression`. */
  readonly topic: string
  /** One word of the topic's closed set. */
  readonly reason: string
  readonly numbers?: Readonly<Record<string, number | string | boolean | null>>
}

const notesKey: unique symbol = Symbol('hearthgate.notes')

interface Noted {
  [notesKey]?: Note[]
}

/** `incoming` as in `ExchangeRequest.incoming`; nobody waits without it, and nothing is noted. */
export function addNote(incoming: object | undefined, note: Note): void {
  if (incoming === undefined) return
  const noted = incoming as Noted
  const notes = noted[notesKey]
  if (notes === undefined) noted[notesKey] = [note]
  else if (notes.length < MAX_NOTES) notes.push(note)
}

export function notesOf(incoming: object): readonly Note[] {
  return (incoming as Noted)[notesKey] ?? []
}
