"""The 19 classes of CelebAMask-HQ (Lee et al. 2020, arXiv:1907.11922), in the order of their values.

`l_` and `r_` are the person's own left and right: on a picture, `l_eye` is on the right-hand side.
"""

CLASSES = (
    *("background", "skin", "nose", "eye_g", "l_eye", "r_eye", "l_brow", "r_brow", "l_ear", "r_ear"),
    *("mouth", "u_lip", "l_lip", "hair", "hat", "ear_r", "neck_l", "neck", "cloth"),
)
"""`eye_g` are glasses, `ear_r` is an earring, `neck_l` a necklace."""
N_CLASSES = len(CLASSES)
BACKGROUND = 0
MIRRORED = ((4, 5), (6, 7), (8, 9))
"""Classes that a flip turns into each other."""
LARGE = (0, 1, 13, 17, 18)
"""Background, skin, hair, neck and cloth: the classes with more than 2.5 % of all pixels."""
SMALL = tuple(c for c in range(N_CLASSES) if c not in LARGE)
STRIDE = 32
"""A picture has to be at least so many pixels wide and high: the stride of the documented network."""
