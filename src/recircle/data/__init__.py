"""From media files to batches: manifest, index, decoding, sampling, preprocessing, augmentation, loaders.

Nothing is imported here, so that what only reads files (the manifest, the decoder, the processes that `index`
starts) does not wait for torch.
"""
