"""Helpers for the Wasserstein GAN notebooks: losses, networks, MNIST, the training loop, a judge of digits, figures."""
