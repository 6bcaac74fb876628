"""
Find mislabelled pictures in a folder
=====================================

A folder has a subfolder of pictures for each class, and some pictures are in the wrong one. One fit
on their paths ranks them, and the most suspicious ones are shown with their row numbers.
"""

# %%
# Make such a folder: 900 of scikit-learn's digits as PNG files, a fifth of them in the folder of
# another digit. Replace ``folder`` by your own.
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from sknoisy import NoisyLabelClassifier, find_label_issues
from sknoisy.datasets import load_image_folder
from sknoisy.noise import corrupt_labels

digits = load_digits()
images, y_clean = (16 * digits.images[:900]).clip(0, 255).astype(np.uint8), digits.target[:900]
temporary = TemporaryDirectory()
folder = Path(temporary.name)
for i, label in enumerate(corrupt_labels(y_clean, 0.2, random_state=0)):
    (folder / str(label)).mkdir(exist_ok=True)
    Image.fromarray(images[i]).save(folder / str(label) / f"{i:04}.png")

# %%
# List the folder. The classifier takes the paths; ``image_size`` resizes pictures of several sizes.
pictures = load_image_folder(folder)
print(pictures.data[0].removeprefix(f"{folder}/"), "has the label", pictures.target[0])
clf = NoisyLabelClassifier(image_size=8, random_state=0).fit(pictures.data, pictures.target)
print(f"estimated fraction of wrong labels: {clf.noise_rate_:.2f}")

# %%
# The most suspicious pictures. Row 12 is ``pictures.data[12]``, the path of the file to look at.
issues = find_label_issues(clf, pictures.target)
figure, axes = plt.subplots(3, 6, figsize=(9, 5.4), layout="constrained")
for (row, issue), ax in zip(issues.iterrows(), axes.flat, strict=False):
    ax.imshow(Image.open(pictures.data[row]), cmap="gray_r")
    ax.set_title(f"row {row}\n{issue['given']} → {issue['suggested']}?", fontsize=10)
    ax.set_axis_off()
figure.suptitle("Most suspicious labels: given → suggested")

# %%
# The clean labels, which a real folder does not have, tell how many were found.
true = y_clean[[int(Path(path).stem) for path in pictures.data]].astype(str)
mislabelled = true != pictures.target
found = mislabelled[issues.index].sum()
print(f"{len(issues)} issues, {found} of the {mislabelled.sum()} mislabelled pictures among them")
print(f"wrong among the {axes.size} shown: {mislabelled[issues.index[: axes.size]].sum()}")
temporary.cleanup()

if "__file__" in globals():
    output = Path(__file__).parent / "output"
    output.mkdir(exist_ok=True)
    figure.savefig(output / "image_folder.png", dpi=150)
