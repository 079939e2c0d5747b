/** Pixels of a digit: 8 rows of 8, each 0 to 1, dark is 1. */
const SIDE = 8;

/** A pad to draw on with a pointer. Its picture is read as 8 rows of 8 pixels. */
export function drawing(canvas) {
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const clear = () => context.clearRect(0, 0, canvas.width, canvas.height);
  let last;
  const point = ({ offsetX, offsetY }) => ({
    x: (offsetX * canvas.width) / canvas.clientWidth,
    y: (offsetY * canvas.height) / canvas.clientHeight,
  });
  canvas.addEventListener('pointerdown', (event) => {
    canvas.setPointerCapture(event.pointerId);
    last = point(event);
  });
  canvas.addEventListener('pointermove', (event) => {
    if (last === undefined) return;
    const next = point(event);
    context.lineWidth = canvas.width / 9;
    context.lineCap = 'round';
    context.strokeStyle = '#2b6cb0';
    context.beginPath();
    context.moveTo(last.x, last.y);
    context.lineTo(next.x, next.y);
    context.stroke();
    last = next;
  });
  for (const end of ['pointerup', 'pointercancel']) canvas.addEventListener(end, () => (last = undefined));
  return {
    clear,
    /** @throws where nothing was drawn */
    pixels() {
      const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
      const pixels = new Float32Array(SIDE * SIDE);
      const block = canvas.width / SIDE;
      for (let y = 0; y < canvas.height; y++) {
        for (let x = 0; x < canvas.width; x++) {
          pixels[Math.floor(y / block) * SIDE + Math.floor(x / block)] +=
            data[(y * canvas.width + x) * 4 + 3] / 255 / block ** 2;
        }
      }
      if (pixels.every((value) => value === 0)) {
        throw { message: 'Nothing was drawn.', remedy: 'Draw a digit on the pad first.' };
      }
      return pixels;
    },
  };
}

/** A digit as a small picture. */
export function picture(pixels) {
  const canvas = Object.assign(document.createElement('canvas'), { width: SIDE, height: SIDE });
  const context = canvas.getContext('2d');
  const image = context.createImageData(SIDE, SIDE);
  pixels.forEach((value, index) => image.data.set([43, 108, 176, 255 * value], index * 4));
  context.putImageData(image, 0, 0);
  return canvas;
}

/** Digits of a CSV file: 64 columns of 0 to 16 and one named `label`. Nothing of a wrong cell is repeated: it is private. */
export function parseDigits(text, name) {
  const [header, ...rows] = text
    .trim()
    .split(/\r?\n/)
    .map((line) => line.split(','));
  const label = header.indexOf('label');
  if (label < 0 || header.length !== SIDE * SIDE + 1) {
    throw {
      message: `${name} has ${header.length} columns${label < 0 ? ' and none named “label”' : ''}; 64 pixels and “label” are needed.`,
      remedy: 'Give a file like the digits that come with Tutti.',
    };
  }
  return rows.map((cells, row) => {
    const numbers = cells.map((cell) => (cell.trim() === '' ? NaN : Number(cell)));
    const wrong = numbers.findIndex((value, column) =>
      column === label
        ? !(Number.isInteger(value) && value >= 0 && value <= 9)
        : !(value >= 0 && value <= 16),
    );
    if (wrong >= 0 || cells.length !== header.length) {
      throw {
        message: `${name}, line ${row + 2}${wrong >= 0 ? `, column “${header[wrong]}”` : ''}: not a digit of 64 pixels.`,
        remedy: 'Pixels are 0 to 16, labels 0 to 9, and every row has as many cells as the header.',
      };
    }
    const pixels = numbers.filter((_, column) => column !== label).map((value) => value / 16);
    return { pixels: Float32Array.from(pixels), label: numbers[label] };
  });
}
