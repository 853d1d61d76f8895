"""Small sound clips of every kind that is read, made here, to be damaged by `mutate`."""

from pathlib import Path

import numpy as np
from PIL import Image

from tests.media import moving_frames, turn, write_frame_folder, write_sound, write_video

_VIDEOS = {
    "h264.mp4": ("libx264", "yuv420p"),
    "h264.mkv": ("libx264", "yuv420p"),
    "h264.ts": ("libx264", "yuv420p"),
    "h264.flv": ("libx264", "yuv420p"),
    "mpeg4.avi": ("mpeg4", "yuv420p"),
    "vp8.webm": ("libvpx", "yuv420p"),
    "vp9.webm": ("libvpx-vp9", "yuv420p"),
    "mpeg2.mpg": ("mpeg2video", "yuv420p"),
    "mjpeg.avi": ("mjpeg", "yuvj420p"),
    "ten_bit.mp4": ("libx264", "yuv420p10le"),
    "animated.gif": ("gif", "rgb8"),
}
_FRAMES = ("png", "jpg", "bmp", "webp", "tif", "ppm")


def write_seeds(folder: Path) -> list[Path]:
    """Write the clips, videos and folders of frames, and return their paths."""
    frames = moving_frames(6, 32, 48)
    seeds = [
        write_video(folder / name, frames, codec=codec, pix_fmt=pix_fmt) for name, (codec, pix_fmt) in _VIDEOS.items()
    ]
    seeds.append(turn(write_video(folder / "turned.mp4", frames), (0, 1, -1, 0)))
    seeds.append(write_video(folder / "irregular.mp4", frames, times=[0, 1, 2, 9, 10, 30]))
    seeds.append(write_sound(folder / "sound.mp4"))
    images = [Image.fromarray(frame) for frame in frames]
    webp = folder / "animated.webp"
    images[0].save(webp, save_all=True, append_images=images[1:], duration=40)
    seeds.append(webp)
    seeds += [write_frame_folder(folder / f"frames_{kind}", frames[:3], f"{{:05d}}.{kind}") for kind in _FRAMES]
    exif = Image.Exif()
    exif[274] = 6
    turned = folder / "frames_exif"
    turned.mkdir()
    for number, image in enumerate(images[:2]):
        image.save(turned / f"{number}.jpg", exif=exif)
    seeds.append(turned)
    deep = folder / "frames_16_bit"
    deep.mkdir()
    for number in range(2):
        Image.fromarray(np.full((32, 48), 4000 * number, np.uint16)).save(deep / f"{number}.png")
    seeds.append(deep)
    return seeds
