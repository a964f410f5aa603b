#!/usr/bin/env python3
"""Writes small pictures of every kind and what Pillow makes of them.

    python3 scripts/golden/make_images.py tests/data/image

expected.json holds, for each file, the SHA-256 of convert("RGB") and of the bytes that Cobra's
three strategies make of it (as torchvision's Resize, CenterCrop and pad call Pillow), or the
part of a sentence that a refusal has to contain.  Needs Pillow 12: version 10.0 takes colours
behind the end of a palette as grey, version 13 resizes many tall pictures columns first.
"""

import hashlib
import io
import json
import math
import os
import struct
import sys
import warnings
import zlib

import PIL
from PIL import Image

SIZE = 56
MEAN = (0.485, 0.456, 0.406)
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
         (0, 1, 1, 2)]


def level(x, y, c):
    """0..1, smooth with an edge."""
    wave = math.sin(x / (4 + c)) * math.cos(y / (5 + 2 * c)) * 0.45 + 0.5
    return wave if (x + 2 * y) % 23 > 3 else 1 - wave


def picture(width, height, channels):
    samples = bytes(int(level(x, y, c) * 255) for y in range(height) for x in range(width)
                    for c in range(channels))
    return Image.frombytes({1: "L", 3: "RGB", 4: "CMYK"}[channels], (width, height), samples)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def row_bytes(row, depth):
    if depth == 16:
        return struct.pack(">%dH" % len(row), *row)
    bits = "".join(format(v, "0%db" % depth) for v in row)
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8))


def png(width, height, depth, colour, interlaced=0, extra=b"", piece=1 << 30):
    top = 2 ** depth - 1
    rows = [[[round(level(x, y, c) * top) for c in range(CHANNELS[colour])] for x in range(width)]
            for y in range(height)]
    if colour == 0 and depth == 16:  # some below 256: Pillow clips at 255
        rows = [[[v // 200 if x % 2 else v for v in p] for x, p in enumerate(r)] for r in rows]
    raw = b""
    for x0, y0, dx, dy in ADAM7 if interlaced else [(0, 0, 1, 1)]:
        for row in rows[y0::dy]:
            if row[x0::dx]:
                raw += b"\0" + row_bytes([v for p in row[x0::dx] for v in p], depth)
    packed = zlib.compress(raw, 9)
    out = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth,
                                                             colour, 0, 0, interlaced)) + extra
    for i in range(0, len(packed), piece):
        out += chunk(b"IDAT", packed[i:i + piece])
    return out + chunk(b"IEND", b"")


def palette(colours):
    return chunk(b"PLTE", bytes((37 * i + 91 * c) % 256 for i in range(colours) for c in range(3)))


def pngs():
    for depth, colour, name in [(1, 0, "grey1"), (2, 0, "grey2"), (4, 0, "grey4"), (8, 0, "grey8"),
                                (16, 0, "grey16"), (8, 2, "rgb8"), (16, 2, "rgb16"),
                                (8, 4, "grey_alpha8"), (16, 4, "grey_alpha16"), (8, 6, "rgba8"),
                                (16, 6, "rgba16")]:
        yield name + ".png", png(37, 21, depth, colour)
        yield name + "_interlaced.png", png(19, 26, depth, colour, 1)
    for depth in (1, 2, 4, 8):
        yield "palette%d.png" % depth, png(37, 21, depth, 3, 0, palette(2 ** depth))
        yield ("palette%d_transparent_interlaced.png" % depth,
               png(19, 26, depth, 3, 1, palette(2 ** depth) + chunk(b"tRNS", b"\x80\x00")))
    yield "palette_short.png", png(37, 21, 8, 3, 0, palette(100))
    yield "grey8_transparent.png", png(20, 20, 8, 0, 0, chunk(b"tRNS", b"\0\x80"))
    yield "rgb8_transparent.png", png(20, 20, 8, 2, 0, chunk(b"tRNS", b"\0\x80\0\x80\0\x80"))
    colour_space = (chunk(b"gAMA", struct.pack(">I", 100000)) + chunk(b"sRGB", b"\0") +
                    chunk(b"iCCP", b"x\0\0" + zlib.compress(b"no profile")) +
                    chunk(b"tEXt", b"Comment\0text") + chunk(b"pLTx", b"private"))
    yield "colour_space.png", png(20, 20, 8, 2, 0, colour_space)
    yield "many_pieces.png", png(20, 20, 8, 2, 0, b"", 7)
    yield "one_pixel.png", png(1, 1, 8, 2)
    yield "thin.png", png(1, 300, 8, 2)
    yield "odd.png", png(40, 63, 8, 2)
    whole = png(20, 20, 8, 2)
    yield "without_end.png", whole[:-12]
    yield "bytes_behind.png", whole + b"behind" * 20
    at = whole.index(b"IEND") - 8
    yield "image_checksum.png", whole[:at] + b"\0\0\0\0" + whole[at + 4:]


def jpeg(image, **options):
    out = io.BytesIO()
    image.save(out, "JPEG", **options)
    return out.getvalue()


def patched(data, old, new):
    assert data.count(old) == 1, old
    return data.replace(old, new)


def jpegs():
    rgb, grey, cmyk = (picture(45, 34, n) for n in (3, 1, 4))
    for name in ("4:4:4", "4:2:2", "4:2:0"):
        yield "rgb_%s.jpg" % name.replace(":", ""), jpeg(rgb, subsampling=name)
    # A 64 x 32 picture in 16 x 8 blocks holds as many as a 32 x 64 one in 8 x 16 blocks.
    wide = jpeg(picture(64, 32, 3), subsampling="4:2:2")
    yield "rgb_440.jpg", patched(wide, b"\0\x20\0\x40\3\1\x21", b"\0\x40\0\x20\3\1\x12")
    yield "progressive.jpg", jpeg(rgb, progressive=True)
    yield "grey.jpg", jpeg(grey)
    yield "grey_progressive.jpg", jpeg(grey, progressive=True)
    yield "restarts.jpg", jpeg(rgb, restart_marker_blocks=2)
    yield "low_quality.jpg", jpeg(rgb, quality=3)
    yield "cmyk.jpg", jpeg(cmyk)
    adobe = b"Adobe\0\x64\0\0\0\0"
    yield "ycck.jpg", patched(jpeg(cmyk), adobe + b"\0", adobe + b"\2")
    yield "cmyk_without_adobe.jpg", patched(jpeg(cmyk), b"\xff\xee\0\x0e" + adobe + b"\0", b"")
    exif = Image.Exif()
    exif[0x0112] = 6
    yield "rotated.jpg", jpeg(rgb, exif=exif)
    yield "bytes_behind.jpg", jpeg(rgb) + jpeg(grey)
    whole = jpeg(rgb, restart_marker_blocks=2)
    at = whole.index(b"\xff\xd3")
    yield "bytes_between.jpg", whole[:at] + b"junk" + whole[at:]
    yield "named_wrongly.png", jpeg(picture(8, 8, 3))


def refusals():
    whole, photo = png(20, 20, 8, 2), jpeg(picture(45, 34, 3))
    yield "empty.jpg", b"", "is empty"
    yield "text.jpg", b"not a picture", "is not a picture"
    yield "truncated.jpg", photo[:len(photo) * 2 // 3], "is truncated"
    yield "truncated_progressive.jpg", jpeg(picture(45, 34, 3), progressive=True)[:-2], "is truncated"
    yield "without_end.jpg", photo[:-2], "is truncated"
    yield "header_only.jpg", photo[:200], "is truncated"
    yield "deep.jpg", patched(photo, b"\xff\xc0\0\x11\x08", b"\xff\xc1\0\x11\x0c"), "precision"
    yield "huge.jpg", patched(photo, b"\0\x22\0\x2d", b"\xf0\0\xf0\0"), "61440 x 61440"
    yield "truncated.png", whole[:-60], "ends inside the image data"
    yield "header_only.png", whole[:33], "is truncated"
    yield "header_checksum.png", patched(whole, b"IHDR\0\0\0\x14", b"IHDR\0\0\0\x15"), "checksum"
    yield ("text_checksum.png", patched(png(20, 20, 8, 2, 0, chunk(b"tEXt", b"a\0b")), b"a\0b", b"a\0c"),
           "checksum")
    yield "without_palette.png", png(20, 20, 8, 3), "PLTE"
    yield "huge.png", whole[:8] + chunk(b"IHDR", struct.pack(">IIBBBBB", 50000, 50000, 8, 2, 0, 0, 0)) + \
        whole[33:], "50000 x 50000"
    yield "damaged.png", whole[:60] + b"\xff" * 40 + whole[100:], "damaged"


def unread():
    """Formats that Pillow reads and mambench names."""
    for name in ("GIF", "BMP", "TIFF", "WebP"):
        out = io.BytesIO()
        picture(4, 4, 3).save(out, name)
        yield "unread." + name.lower(), out.getvalue(), "is a %s picture" % name


def crop(image):
    """torchvision: Resize(SIZE) of the short side, CenterCrop(SIZE)."""
    width, height = image.size
    short, long = min(width, height), max(width, height)
    edge = int(SIZE * long / short)
    image = image.resize((SIZE, edge) if width <= height else (edge, SIZE), Image.BICUBIC)
    left = int(round((image.size[0] - SIZE) / 2.0))
    top = int(round((image.size[1] - SIZE) / 2.0))
    return image.crop((left, top, left + SIZE, top + SIZE))


def letterbox(image):
    """Cobra's LetterboxPad, then crop()."""
    width, height = image.size
    longer = max(width, height)
    across, down = int((longer - width) / 2), int((longer - height) / 2)
    fill = tuple(int(m * 255) for m in MEAN)
    framed = Image.new("RGB", (width + 2 * across, height + 2 * down), fill)
    framed.paste(image, (across, down))
    return crop(framed)


def digest(image):
    return hashlib.sha256(image.tobytes()).hexdigest()


def describe(data):
    image = Image.open(io.BytesIO(data)).convert("RGB")
    return {
        "width": image.size[0],
        "height": image.size[1],
        "rgb_sha256": digest(image),
        "naive_sha256": digest(image.resize((SIZE, SIZE), Image.BICUBIC)),
        "crop_sha256": digest(crop(image)),
        "letterbox_sha256": digest(letterbox(image)),
    }


def raises(data):
    try:
        Image.open(io.BytesIO(data)).convert("RGB")
    except Exception:
        return True
    return False


def main():
    if PIL.__version__.split(".")[0] != "12":
        sys.exit("make_images.py: needs Pillow 12, this is " + PIL.__version__)
    warnings.simplefilter("ignore")
    folder = sys.argv[1]
    expected = {"pillow": PIL.__version__, "size": SIZE, "mean": MEAN, "images": []}
    files = [(n, d, None) for n, d in list(pngs()) + list(jpegs())]
    for name, data, refusal in files + list(refusals()) + list(unread()):
        with open(os.path.join(folder, name), "wb") as out:
            out.write(data)
        entry = {"file": name}
        if refusal:
            if not name.startswith("unread.") and name != "without_palette.png":
                assert raises(data), name
            entry["refusal"] = refusal
        else:
            entry.update(describe(data))
        expected["images"].append(entry)
    with open(os.path.join(folder, "expected.json"), "w") as out:
        json.dump(expected, out, indent=1)
        out.write("\n")


main()
