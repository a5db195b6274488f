/** RFC 7515 §4.1.9 and RFC 9068 §4: `typ` is compared without regard to case, `application/` may be left out. */
export const normalizeTokenType = (type: string): string => type.toLowerCase().replace(/^application\//, "");
