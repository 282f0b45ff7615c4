/** What the run calls things in the federation. */
export const IMAGE_NAME = 'verify-image';
/** Has an agent that only fetches. */
export const SITE = 'verify';
/** Nobody takes its messages but this program. */
export const IDLE_SITE = 'verify-idle';
