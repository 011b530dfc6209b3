// Reads the frame counter that the test camera draws; edgemeet/media/counter.py says what it looks like.

const BLOCKS_PER_WIDTH = 80;
const SYNC = [true, false]; // white, black
const BITS = 24;
const BLOCKS = SYNC.length + BITS;
const BLOCK_PIXELS = 8; // of a block once it is drawn here; its middle is read

let context = null;

/** The counter of the picture that `video` shows, or null where no counter is drawn. */
export function readCounter(video) {
  context ??= new OffscreenCanvas(BLOCKS * BLOCK_PIXELS, BLOCK_PIXELS).getContext("2d", { willReadFrequently: true });
  const block = video.videoWidth / BLOCKS_PER_WIDTH;
  context.drawImage(video, 0, 0, BLOCKS * block, block, 0, 0, BLOCKS * BLOCK_PIXELS, BLOCK_PIXELS);
  const { data, width } = context.getImageData(0, 0, BLOCKS * BLOCK_PIXELS, BLOCK_PIXELS);
  return decodeCounter((index) => {
    const middle = (BLOCK_PIXELS / 2) * width + (index + 0.5) * BLOCK_PIXELS;
    return data[4 * middle + 1] > 127; // green carries most of the brightness
  });
}

/** The counter whose blocks are white where `isWhite(index)` says so; null when the sync blocks are wrong. */
export function decodeCounter(isWhite) {
  if (SYNC.some((white, index) => isWhite(index) !== white)) return null;
  let counter = 0;
  for (let index = SYNC.length; index < BLOCKS; index += 1) counter = 2 * counter + Number(isWhite(index));
  return counter;
}
