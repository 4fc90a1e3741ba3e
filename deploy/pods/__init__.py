"""Training on the pods of an indexed Kubernetes Job, which share the project's folder.

Every pod runs `python -m deploy.pods COMMAND`: the first runs the command, which is the whole retraining; the others
join its training stages. With `launch: -m deploy.pods.launch` in params.yaml, such a stage announces in the shared
folder what it starts, and every pod starts `torchrun` for it.
"""
