"""Networks of other libraries by name: `hf:...` of transformers, `timm:...` of timm.

A name is read into a `Host` (`source`), which holds all that builds the network again without the library's hub; what
it builds is a `VideoModel` (`clips` for transformers, `images` for timm).
"""
