import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ByteReader,
  ByteWriter,
  compareBytes,
  concatBytes,
  equalBytes,
  fromHex,
  tag,
  toHex,
} from '@tutti/shared/crypto';

const code = (code: string) => expect.objectContaining({ code }) as Error;

describe('bytes', () => {
  it('go through hexadecimal and back', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(fromHex(toHex(bytes))).toEqual(bytes);
        expect(fromHex(toHex(bytes).toUpperCase())).toEqual(bytes);
      }),
      { seed: 1 },
    );
    expect(toHex(Uint8Array.of(0, 1, 0xab))).toBe('0001ab');
  });

  it.each(['0', 'zz', '0x12', ' 12', '1 2', '12\n', '-1', '١٢'])('refuse %j as hexadecimal', (text) => {
    expect(() => fromHex(text)).toThrow(code('bytes.hex'));
  });

  it('compare by content', () => {
    const a = Uint8Array.of(1, 2, 3);
    expect(equalBytes(a, a.slice())).toBe(true);
    for (let i = 0; i < 3; i++) expect(equalBytes(a, a.with(i, 9))).toBe(false);
    expect(equalBytes(a, a.subarray(0, 2))).toBe(false);
    expect(equalBytes(new Uint8Array(0), new Uint8Array(0))).toBe(true);
  });

  it('have the order of their hexadecimal text', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3 }), fc.uint8Array({ maxLength: 3 }), (a, b) => {
        const [left, right] = [toHex(a), toHex(b)];
        expect(Math.sign(compareBytes(a, b))).toBe(left < right ? -1 : left > right ? 1 : 0);
      }),
      { seed: 2 },
    );
  });

  it('are tagged so that no tag begins another', () => {
    expect(new TextDecoder().decode(tag('pair'))).toBe('tutti-secagg-v1|pair\0');
    const [short, long] = [tag('u3'), tag('u3x')];
    expect(long.subarray(0, short.length)).not.toEqual(short);
  });
});

describe('fixed layouts', () => {
  it('are little-endian, and lists are counted', () => {
    const written = new ByteWriter()
      .u8(0xff)
      .u16(0x0102)
      .u32(0xfffefdfc)
      .u64(0x0102030405060708n)
      .u64(7)
      .bytes(Uint8Array.of(9, 9))
      .sizedBytes(Uint8Array.of(5))
      .list([1, 2], (writer, item) => writer.u16(item))
      .finish();
    expect(toHex(written)).toBe(
      'ff' +
        '0201' +
        'fcfdfeff' +
        '0807060504030201' +
        '0700000000000000' +
        '0909' +
        '0100000005' +
        '0200000001000200',
    );
  });

  it('read back what was written, whatever it is', () => {
    const model = fc.record({
      small: fc.integer({ min: 0, max: 255 }),
      middle: fc.integer({ min: 0, max: 65535 }),
      large: fc.integer({ min: 0, max: 0xffffffff }),
      huge: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      safe: fc.maxSafeNat(),
      bytes: fc.uint8Array({ maxLength: 400 }),
      items: fc.array(fc.uint8Array({ minLength: 3, maxLength: 3 })),
    });
    fc.assert(
      fc.property(model, (value) => {
        const bytes = new ByteWriter(1)
          .u8(value.small)
          .u16(value.middle)
          .u32(value.large)
          .u64(value.huge)
          .u64(value.safe)
          .sizedBytes(value.bytes)
          .list(value.items, (writer, item) => writer.bytes(item))
          .finish();
        const reader = new ByteReader(bytes);
        expect({
          small: reader.u8(),
          middle: reader.u16(),
          large: reader.u32(),
          huge: reader.u64(),
          safe: reader.safeU64(),
          bytes: reader.sizedBytes(400),
          items: reader.list((item) => item.bytes(3), 100),
        }).toEqual(value);
        reader.finish();
        // Any shorter message is refused, at whatever point it breaks off.
        const cut = new ByteReader(bytes.subarray(0, -1));
        expect(() => {
          for (const read of [
            () => cut.u8(),
            () => cut.u16(),
            () => cut.u32(),
            () => cut.u64(),
            () => cut.u64(),
            () => cut.sizedBytes(400),
            () => cut.list((item) => item.bytes(3), 100),
          ])
            read();
        }).toThrow(code('wire.truncated'));
      }),
      { seed: 3 },
    );
  });

  it('refuse what is left over', () => {
    const reader = new ByteReader(new Uint8Array(3));
    reader.u16();
    expect(reader.remaining).toBe(1);
    expect(() => reader.finish()).toThrow(code('wire.trailing'));
  });

  it('believe a count only as far as bytes stand behind it', () => {
    const claim = new ByteWriter().u32(0xffffffff).u8(1).finish();
    expect(() => new ByteReader(claim).list((item) => item.u8(), 0xffffffff)).toThrow(code('wire.truncated'));
    expect(() => new ByteReader(claim).list((item) => item.u8(), 1000)).toThrow(code('wire.too-long'));
    expect(() => new ByteReader(claim).sizedBytes(0xffffffff)).toThrow(code('wire.truncated'));
    expect(() => new ByteReader(claim).sizedBytes(1000)).toThrow(code('wire.too-long'));
    expect(() => new ByteReader(claim).sizedView(0xffffffff)).toThrow(code('wire.truncated'));
    expect(() => new ByteReader(claim).sizedView(1000)).toThrow(code('wire.too-long'));
    expect(() => new ByteReader(claim).skip(6)).toThrow(code('wire.truncated'));
  });

  it('refuse an integer that a number cannot hold', () => {
    expect(() => new ByteReader(new ByteWriter().u64(2n ** 53n).finish()).safeU64()).toThrow(
      code('wire.range'),
    );
    expect(new ByteReader(new ByteWriter().u64(2n ** 53n - 1n).finish()).safeU64()).toBe(2 ** 53 - 1);
  });

  it('do not write what does not fit', () => {
    const writer = new ByteWriter();
    for (const write of [
      () => writer.u8(256),
      () => writer.u16(65536),
      () => writer.u32(2 ** 32),
      () => writer.u8(-1),
      () => writer.u32(1.5),
      () => writer.u16(Number.NaN),
      () => writer.u64(-1n),
      () => writer.u64(2n ** 64n),
      () => writer.u64(2 ** 53),
      () => writer.u64(0.5),
    ]) {
      expect(write).toThrow(RangeError);
    }
    expect(writer.finish()).toHaveLength(0);
  });

  it('read from a part of a larger buffer, and hand out copies', () => {
    const whole = Uint8Array.of(9, 9, 1, 0, 7, 7);
    const reader = new ByteReader(whole.subarray(2, 5));
    expect(reader.u16()).toBe(1);
    const taken = reader.bytes(1);
    whole.fill(0);
    expect(taken).toEqual(Uint8Array.of(7));
    expect(() => reader.u8()).toThrow(code('wire.truncated'));
  });

  it('read a long part where it lies, and pass over what nobody looks at', () => {
    const whole = new ByteWriter()
      .u16(5)
      .sizedBytes(Uint8Array.of(1, 2, 3))
      .u8(9)
      .finish();
    const reader = new ByteReader(whole);
    const view = reader.skip(2).sizedView(3);
    expect(view).toEqual(Uint8Array.of(1, 2, 3));
    expect(view.buffer).toBe(whole.buffer);
    expect(reader.u8()).toBe(9);
    reader.finish();
  });

  it('leave what was handed out alone, whether or not it filled the room that was set aside', () => {
    for (const capacity of [16, 17, 18]) {
      const writer = new ByteWriter(capacity).bytes(new Uint8Array(17).fill(1));
      const finished = writer.finish();
      writer.bytes(new Uint8Array(40).fill(2));
      expect(finished).toEqual(new Uint8Array(17).fill(1));
      expect(writer.finish()).toHaveLength(57);
    }
  });

  it('concatenate', () => {
    expect(concatBytes(Uint8Array.of(1), new Uint8Array(0), Uint8Array.of(2, 3))).toEqual(
      Uint8Array.of(1, 2, 3),
    );
  });
});
