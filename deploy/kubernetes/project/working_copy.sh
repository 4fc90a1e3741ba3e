#!/bin/sh
# Clone REPOSITORY to PROJECT, or bring the clone that is there to REVISION: a branch of it, a tag or a commit.
# Git refuses where that would overwrite changes that are not committed, and says which.
set -eu
: "${REPOSITORY:?name the repository in the kustomization}" "${REVISION:?}" "${PROJECT:?}"

[ -e "$PROJECT/.git" ] || git clone --no-checkout "$REPOSITORY" "$PROJECT"
cd "$PROJECT"
git remote set-url origin "$REPOSITORY"
git fetch --prune --tags origin
commit=$(git rev-parse --verify --quiet "origin/$REVISION^{commit}" || git rev-parse --verify "$REVISION^{commit}")
git checkout --detach "$commit"
