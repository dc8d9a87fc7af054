/** What reading a text of the user comes to: its normal form, or what is wrong with it. */
export type TextReading =
  | { readonly ok: true; readonly value: string }
  | { readonly ok: false; readonly problem: string }
