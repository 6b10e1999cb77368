// AssemblyScript, part of the text kernel: numbers that its parts and the caller agree on.

/** Reasons of misfits, as the caller words them. */
export const tooFew: i32 = 1;
export const tooMany: i32 = 2;
export const openQuote: i32 = 3;
export const badQuote: i32 = 4;
export const notText: i32 = 5;
export const holdsNul: i32 = 6;
export const noSuchValue: i32 = 7;
export const isNull: i32 = 8;
export const notObject: i32 = 9;
export const keyTwice: i32 = 10;
export const tooLong: i32 = 11;

/** A time that is none. */
export const noValue: i64 = i64.MIN_VALUE + 1;

/** Flags of a field. */
export const quoted: u32 = 1;
export const escaped: u32 = 2;
export const jsonNumber: u32 = 4;
export const jsonWord: u32 = 8;
export const jsonTree: u32 = 16;
export const absent: u32 = 32;
