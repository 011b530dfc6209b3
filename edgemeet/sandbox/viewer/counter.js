// Reads the frame counter that the test camera draws; edgemeet/media/counter.py says what it looks like.

const BLOCKS_PER_WIDTH = 80;
const SYNC = [true, false]; // white, black
const BITS = 24;
const BLOCKS = SYNC.length + BITS;

/** The counter in a picture (ImageData in the picture's own proportions), or null where none is drawn. */
export function readCounter({ data, width }) {
  const block = width / BLOCKS_PER_WIDTH;
  const row = Math.floor(block / 2) * width;
  // Green carries most of the brightness.
  return decodeCounter((index) => data[4 * (row + Math.floor((index + 0.5) * block)) + 1] > 127);
}

/** The height of the row of blocks, in pixels of a picture of this width. */
export function counterHeight(width) {
  return Math.ceil(width / BLOCKS_PER_WIDTH);
}

/** The counter whose blocks are white where `isWhite(index)` says so; null when the sync blocks are wrong. */
export function decodeCounter(isWhite) {
  if (SYNC.some((white, index) => isWhite(index) !== white)) return null;
  let counter = 0;
  for (let index = SYNC.length; index < BLOCKS; index += 1) counter = 2 * counter + Number(isWhite(index));
  return counter;
}
