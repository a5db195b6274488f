/** Returns a time in Vital's format: whole seconds and `+00:00`. The SDK for iOS cannot read fractions of a second. */
export const toVitalTime = (at: number) => `${new Date(at).toISOString().slice(0, 19)}+00:00`;
