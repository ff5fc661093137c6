# %% [markdown]
# # Active learning from Python
#
# Handwritten digits, with their pixels as features, so that nothing is downloaded. With your own images, take the
# features of any network, or let a campaign compute them.
#
# This file is a notebook in the percent format: VS Code and Spyder open it as cells, JupyterLab with jupytext.

# %%
import numpy as np
from sklearn.datasets import load_digits

import labelcycle

features, digits = load_digits(return_X_y=True)
pool, test = slice(0, 1200), slice(1200, None)

# %% [markdown]
# ## A loop in memory
#
# The learner says which samples to label next, and is told what they are. Here the known digits answer.

# %%
learner = labelcycle.ActiveLearner(features=features[pool], classes=range(10), seed=0)
curve = []
for _ in range(4):
    rows = learner.ask(10)
    learner.tell(rows, digits[pool][rows])
    curve.append(float((learner.predict(features[test]) == digits[test]).mean()))
curve

# %%
learner

# %% [markdown]
# ## The head alone
#
# It is a scikit-learn classifier. `pool` standardises the features, and is learnt from without its labels.

# %%
rows = [*learner.labels]
head = labelcycle.PrototypeClassifier().fit(features[pool][rows], digits[pool][rows], pool=features[pool])
head.score(features[test], digits[test])

# %% [markdown]
# ## A strategy alone

# %%
labelcycle.strategies.margin(5, probs=head.predict_proba(features[pool]))

# %% [markdown]
# ## Which strategy would have saved the most labels?
#
# One seed proves little; five, the default, take five times as long.

# %%
comparison = labelcycle.backtest(
    features[pool],
    digits[pool],
    strategies=["random", "margin", "uherding"],
    seeds=1,
    batch=10,
    cycles=3,
    cold_start="own",
)
comparison

# %%
comparison.curves().pivot(index="labels", columns="strategy", values="accuracy")

# %% [markdown]
# ## A campaign
#
# It keeps everything in a folder or an S3 prefix, records cycles in MLflow, and can go on where it was stopped, from
# here, from the command line, or on a cluster.

# %%
names = np.array([f"digit-{row:04d}" for row in range(len(digits))])
np.savez("digits.npz", ids=names[pool], features=features[pool])
np.savez("new.npz", ids=names[test], features=features[test])
campaign = labelcycle.Campaign.create(
    "digits-campaign", embeddings="digits.npz", classes=[str(digit) for digit in range(10)], budget=20, batch=20
)
campaign.run().reason

# %% [markdown]
# People fill in the labels that are asked for, in the query's CSV, with `labelcycle label`, in Label Studio, or here:

# %%
query = campaign.query()
query["label"] = [str(digits[names.searchsorted(name)]) for name in query["sample_id"]]
campaign.add_labels(query)

# %%
campaign.run().reason

# %%
campaign.metrics()

# %%
campaign

# %% [markdown]
# Without a test set no model becomes champion by itself, so the model is named by its cycle.

# %%
predictions = campaign.predict("new.npz", cycle=1)
predictions.head()

# %%
campaign.report()
